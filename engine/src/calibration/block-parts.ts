// Parts of a block by themselves, on a sample of the calibration tokens: what the linears of one input read, and what the attention, the MLP or a linear alone
// makes of it with other weights. The parts are cut out of the program that the whole block has; there is no second forward pass.
import type { NativeBinding, Op, ProgramSpec, Weight } from '@quantwright/native/binding';
import type { ModelConfig } from '../model/config.ts';
import { buildBlock } from '../model/decoder.ts';
import { type LinearInput, observeSlot } from '../model/observations.ts';
import type { ModelWeights } from '../model/weights.ts';
import { inMemory, runSequences } from './run-sequences.ts';

export interface PartSample {
  /** [tokens, width] What the linears read, sequence behind sequence. */
  readonly values: Float32Array;
  readonly tokens: number;
  readonly width: number;
  /** [tokens, ...] What the part that begins there gives: attention up to o_proj, or the MLP up to down_proj; `replaced` names linears that are others. */
  output(replaced: ReadonlyMap<string, Weight>): Promise<Float32Array>;
}

export interface BlockParts {
  sample(input: LinearInput): Promise<PartSample>;
}

/** `sequences`: hidden states before the block, [tokens, hidden] each, of one length. */
export async function blockParts(
  binding: NativeBinding,
  config: ModelConfig,
  weights: ModelWeights,
  layer: number,
  sequences: readonly Float32Array[],
): Promise<BlockParts> {
  const modules = new Map<Weight, string>();
  const noted: ModelWeights = {
    ...weights,
    linear: async (module, ...shape) => note(module, await weights.linear(module, ...shape)),
    transposedLinear: async (module, ...shape) => note(module, await weights.transposedLinear(module, ...shape)),
  };
  function note<Linear extends { readonly weight: Weight }>(module: string, linear: Linear): Linear {
    modules.set(linear.weight, module);
    return linear;
  }
  const block = await buildBlock(config, noted, layer, ['capture']);
  const length = (sequences[0]?.length ?? 0) / config.shape.hiddenSize;
  return {
    sample: async (input) => {
      const captured = await capture(binding, upTo(block, input), observeSlot(input, 'capture'), sequences, length);
      const tokens = length * sequences.length;
      const width = captured.length / tokens;
      const rows = Array.from({ length: sequences.length }, (_, index) => captured.subarray(index * length * width, (index + 1) * length * width));
      const part = input === 'attention' || input === 'mlp' ? partBehind(block, input) : null;
      return {
        values: captured,
        tokens,
        width,
        output: async (replaced) => {
          if (part === null) throw new Error(`no part of a block begins at the input of ${input}`);
          const body = part.body.map((op) => {
            const other = op.op === 'linear' ? replaced.get(modules.get(op.weight) ?? '') : undefined;
            return op.op === 'linear' && other !== undefined ? { ...op, weight: other } : op;
          });
          return outputs(binding, { ...part, body }, rows, length);
        },
      };
    },
  };
}

/** The block up to where that input is observed, and no other observation. */
function upTo(block: ProgramSpec, input: LinearInput): ProgramSpec {
  const slot = observeSlot(input, 'capture');
  const body = block.body.filter((op) => op.op !== 'observe' || op.slot === slot);
  return { ...block, body: body.slice(0, body.findIndex((op) => op.op === 'observe') + 1) };
}

/** From the input of attention or MLP to its last linear; its input is value 0. */
function partBehind(block: ProgramSpec, input: 'attention' | 'mlp'): ProgramSpec {
  const at = (of: LinearInput): number => block.body.findIndex((op) => op.op === 'observe' && op.slot === observeSlot(of, 'capture'));
  const end = at(input === 'attention' ? 'o_proj' : 'down_proj') + 1;
  const begin = block.body[at(input)];
  const last = block.body[end];
  if (begin?.op !== 'observe' || last?.op !== 'linear') throw new Error(`the block has no ${input} of the expected form`);
  const swap = (id: number): number => (id === begin.in ? 0 : id === 0 ? begin.in : id);
  const values = block.values.map((_, id) => block.values[swap(id)] ?? 0);
  const body = block.body.slice(at(input) + 1, end + 1).flatMap((op) => (op.op === 'observe' ? [] : [renamed(op, swap)]));
  return { input: 'hidden', values, body, head: [], output: swap(last.out) };
}

/** Ids of values in an operation, by field. */
const valueFields = ['in', 'out', 'value', 'q', 'k', 'v', 'a', 'b', 'gate', 'up'] as const;

function renamed(op: Op, name: (id: number) => number): Op {
  const ids = valueFields.flatMap((field) => {
    const id: unknown = Reflect.get(op, field);
    return typeof id === 'number' ? [[field, name(id)] as const] : [];
  });
  return { ...op, ...Object.fromEntries(ids) };
}

async function capture(binding: NativeBinding, spec: ProgramSpec, slot: number, sequences: readonly Float32Array[], length: number): Promise<Float32Array> {
  const program = await runSequences(binding, spec, { inputs: inMemory(sequences), length });
  const captured = program.observed(slot);
  if (captured === null) throw new Error(`slot ${slot} of the program saw nothing`);
  return captured;
}

async function outputs(binding: NativeBinding, spec: ProgramSpec, sequences: readonly Float32Array[], length: number): Promise<Float32Array> {
  const width = spec.values[spec.output] ?? 0;
  const all = new Float32Array(sequences.length * length * width);
  await runSequences(binding, spec, { inputs: inMemory(sequences), length, take: (index, output) => all.set(output, index * length * width) });
  return all;
}
