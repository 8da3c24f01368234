// How large the values of a linear's input are, as observe ops keep it: what a method can ask for, and what it gets.
import type { NativeBinding } from '@quantwright/native/binding';
import type { LayerInputs } from '../method.ts';

/** Ranges of every sequence, or one histogram of all values. */
export type InputStatistic = { readonly kind: 'range' } | { readonly kind: 'histogram'; readonly bins: number };

/** What calibration kept of one input. */
export type ObservedInput =
  /** [sequences, 2] The smallest and the largest value of each sequence. */
  | { readonly kind: 'range'; readonly ranges: Float32Array }
  /** As the observe op `histogram` gives it (native/ts/programs.ts): low, high, limit, counts. */
  | { readonly kind: 'histogram'; readonly histogram: Float32Array };

/** For methods with a `statistic`, of which none looks at a Hessian. */
export function rangedInputs(observed: ObservedInput): LayerInputs {
  return { observed, factor: async () => Promise.reject(new Error('a method that looks at ranges asked for a Hessian')) };
}

/** Of one sequence, `values` [tokens, width]. Null: a value is not finite. */
export async function observeValues(binding: NativeBinding, values: Float32Array, width: number, statistic: InputStatistic): Promise<ObservedInput | null> {
  const program = binding.createProgram({ input: 'hidden', values: [width], body: [{ op: 'observe', in: 0, slot: 0, ...statistic }], head: [], output: 0 });
  const tokens = values.length / width;
  await program.run(program.createSession(tokens, 'f32'), values, 'none');
  return observedInput(program.observed(0) ?? new Float32Array(), statistic.kind, [tokens]);
}

/** `found`: of an observe op of that kind; `lengths`: tokens of the sequences, in the order in which they ran. Null: a value is not finite. */
export function observedInput(found: Float32Array, kind: InputStatistic['kind'], lengths: readonly number[]): ObservedInput | null {
  if (kind === 'histogram') return found[2] === Number.POSITIVE_INFINITY ? null : { kind, histogram: found };
  if (!found.every(Number.isFinite)) return null;
  let at = 0;
  const ranges = lengths.flatMap((length) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const end = at + 2 * length; at < end; at += 2) {
      low = Math.min(low, found[at] ?? low);
      high = Math.max(high, found[at + 1] ?? high);
    }
    return [low, high];
  });
  return { kind, ranges: Float32Array.from(ranges) };
}
