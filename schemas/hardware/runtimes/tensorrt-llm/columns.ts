// Columns of TensorRT-LLM's hardware table: Blackwell is two of them, and what is older than Ampere or newer than they name has none.
// leastFamily: ModelOpt's deployment matrix (NVIDIA/Model-Optimizer docs/source/guides/0_support_matrix.rst).
import type { Device } from '../../target.ts';

/** As runtime.json names them; null: no column. */
export function columnOf({ family, computeCapability }: Pick<Device, 'family' | 'computeCapability'>): string | null {
  switch (computeCapability) {
    case 120:
      return 'sm120';
    case 100:
    case 103:
      return 'sm100';
    default:
      return ['Hopper', 'Ada', 'Ampere'].includes(family) ? family : null;
  }
}

/** For people. */
export function columnWords(column: string): string {
  return column === 'sm120' ? 'Blackwell (sm120)' : column === 'sm100' ? 'Blackwell (sm100, sm103)' : column;
}

export interface LeastFamily {
  readonly family: string;
  readonly capability: number;
}

const LEAST: readonly (readonly [pattern: RegExp, LeastFamily])[] = [
  [/^(NVFP4|MXFP4)$/, { family: 'Blackwell', capability: 100 }],
  [/^(FP8|W4A8_AWQ)$/, { family: 'Ada', capability: 89 }],
  [/^(INT8_SQ|W8A8_SQ_PER_CHANNEL|W4A16_AWQ)$/, { family: 'Ampere', capability: 80 }],
];

/** Null: the matrix does not name the algorithm. */
export function leastFamily(algorithm: string): LeastFamily | null {
  return LEAST.find(([pattern]) => pattern.test(algorithm))?.[1] ?? null;
}
