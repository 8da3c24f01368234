// What a block's program can observe: the inputs of its linears, and the slots under which their statistics are read. The same for every architecture.
import type { Op } from '@quantwright/native/binding';
import type { LinearKind } from '@quantwright/schemas/checkpoint/model-shape';

/** Inputs of linears, in the order of a block: q/k/v share the first, gate/up (or the first matrix of an MLP without a gate) the third. */
export const linearInputs = ['attention', 'o_proj', 'mlp', 'down_proj'] as const;
export type LinearInput = (typeof linearInputs)[number];
export const observations = ['absmax', 'hessian', 'capture', 'range', 'histogram'] as const;
export type Observation = (typeof observations)[number];

/** Slot under which `Program.observed` returns the statistic of that input. */
export function observeSlot(input: LinearInput, kind: Observation): number {
  return observations.indexOf(kind) * linearInputs.length + linearInputs.indexOf(input);
}

/** Watches value `at`, which linears read as that input. `bins`: of a histogram. */
export function observeOp(input: LinearInput, kind: Observation, at: number, bins = 2048): Op {
  const watch = { op: 'observe', in: at, slot: observeSlot(input, kind) } as const;
  return kind === 'histogram' ? { ...watch, kind, bins } : { ...watch, kind };
}

/** The input that a linear of a block reads, by its kind in the model's shape. */
export function inputOf(linear: Exclude<LinearKind, 'lm_head'>): LinearInput {
  if (linear === 'o_proj' || linear === 'down_proj') return linear;
  return linear === 'gate_proj' || linear === 'up_proj' || linear === 'gate_up_proj' ? 'mlp' : 'attention';
}
