// A block in two halves, cut where keys and values are made and not yet rotated: gradients by them are then gradients by an input.
import type { Op, ProgramSpec, ValueId } from '@quantwright/native/binding';

/** A value that the second half reads, and where it lies in a row of what the second half is given. */
export interface CarriedValue {
  readonly value: ValueId;
  readonly offset: number;
  readonly width: number;
  /** Hidden states -> the value; null: it is the hidden states. */
  readonly front: ProgramSpec | null;
}

export interface SplitBlock {
  readonly carried: readonly CarriedValue[];
  /** Among `carried`. */
  readonly key: number;
  readonly value: number;
  /** Rows of all carried values side by side -> what the block gives. */
  readonly tail: ProgramSpec;
}

/** `block`: a program over hidden states with one attention. */
export function splitBlock(block: ProgramSpec): SplitBlock {
  const cut = block.body.findIndex(({ op }) => op === 'rope' || op === 'attention');
  const attention = block.body.find((op) => op.op === 'attention');
  if (cut === -1 || attention?.op !== 'attention') throw new Error('a block without attention has no keys');
  const before = block.body.slice(0, cut);
  const after = block.body.slice(cut);
  let width = 0;
  const carried = liveAt(after).map((value): CarriedValue => {
    const own = block.values[value] ?? 0;
    const offset = width;
    width += own;
    const front = neededFor(value, before);
    return { value, offset, width: own, front: front.length === 0 ? null : { ...block, body: front, head: [], output: value } };
  });
  const at = (wanted: ValueId): number => {
    const index = carried.findIndex(({ value }) => value === wanted);
    if (index === -1) throw new Error('keys or values are made behind the rotation');
    return index;
  };
  return {
    carried,
    key: at(attention.k),
    value: at(attention.v),
    tail: {
      input: 'hidden',
      // Value 0 is what is carried; those of the block follow.
      values: [width, ...block.values],
      body: [...carried.map(({ value, offset }): Op => ({ op: 'slice', in: 0, out: value + 1, offset })), ...after.map(shifted)],
      head: [],
      output: block.output + 1,
    },
  };
}

/** Keys of ops that hold values. */
const inputs = ['in', 'q', 'k', 'v', 'a', 'b', 'gate', 'up', 'value'] as const;
const outputs = ['out', 'value'] as const;

function valuesIn(op: Op, keys: readonly string[]): readonly ValueId[] {
  return Object.entries(op).flatMap(([key, held]) => (keys.includes(key) && typeof held === 'number' ? [held] : []));
}

/** What ops read that they have not written before. */
function liveAt(ops: readonly Op[]): readonly ValueId[] {
  const written = new Set<ValueId>();
  const live = new Set<ValueId>();
  for (const op of ops) {
    for (const value of valuesIn(op, inputs)) if (!written.has(value)) live.add(value);
    for (const value of valuesIn(op, outputs)) written.add(value);
  }
  return [...live].sort((a, b) => a - b);
}

/** The ops that `value` depends on, in order. */
function neededFor(value: ValueId, ops: readonly Op[]): readonly Op[] {
  const wanted = new Set<ValueId>([value]);
  const kept: Op[] = [];
  for (const op of [...ops].reverse()) {
    if (!valuesIn(op, outputs).some((written) => wanted.has(written))) continue;
    const read = valuesIn(op, inputs);
    for (const written of valuesIn(op, outputs)) if (!read.includes(written)) wanted.delete(written);
    for (const one of read) wanted.add(one);
    kept.unshift(op);
  }
  return kept;
}

function shifted(op: Op): Op {
  const keys: readonly string[] = [...inputs, ...outputs];
  return Object.fromEntries(Object.entries(op).map(([key, held]) => [key, keys.includes(key) && typeof held === 'number' ? held + 1 : held])) as unknown as Op;
}
