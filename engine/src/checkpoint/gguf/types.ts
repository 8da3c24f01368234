// Tensor types of GGUF files (ggml.h :: ggml_type, ggml-common.h :: block_*): their numbers, block sizes, and which of them run here.

/** Types whose weights the kernels compute on. */
export type GgufType = 'F32' | 'F16' | 'BF16' | 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1' | 'Q8_0' | 'Q2_K' | 'Q3_K' | 'Q4_K' | 'Q5_K' | 'Q6_K';

export interface TypeFacts {
  /** Number in the file. */
  readonly id: number;
  /** Weights of a block. */
  readonly weights: number;
  /** Bytes of a block. */
  readonly bytes: number;
}

export const ggufTypes: Readonly<Record<GgufType, TypeFacts>> = {
  F32: { id: 0, weights: 1, bytes: 4 },
  F16: { id: 1, weights: 1, bytes: 2 },
  BF16: { id: 30, weights: 1, bytes: 2 },
  Q4_0: { id: 2, weights: 32, bytes: 18 },
  Q4_1: { id: 3, weights: 32, bytes: 20 },
  Q5_0: { id: 6, weights: 32, bytes: 22 },
  Q5_1: { id: 7, weights: 32, bytes: 24 },
  Q8_0: { id: 8, weights: 32, bytes: 34 },
  Q2_K: { id: 10, weights: 256, bytes: 84 },
  Q3_K: { id: 11, weights: 256, bytes: 110 },
  Q4_K: { id: 12, weights: 256, bytes: 144 },
  Q5_K: { id: 13, weights: 256, bytes: 176 },
  Q6_K: { id: 14, weights: 256, bytes: 210 },
};

/** Types that exist and do not run, so that a refusal can name them. */
const others: Readonly<Record<number, string>> = {
  9: 'Q8_1',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
};

const byId: ReadonlyMap<number, GgufType> = new Map(Object.entries(ggufTypes).map(([name, facts]) => [facts.id, name as GgufType]));

export const ggufTypeNames: readonly string[] = Object.keys(ggufTypes);

export function isGgufType(name: string): name is GgufType {
  return Object.hasOwn(ggufTypes, name);
}

export function ggufTypeOf(id: number): GgufType | null {
  return byId.get(id) ?? null;
}

/** Of a type that does not run. */
export function typeName(id: number): string {
  return others[id] ?? `number ${id}`;
}

/** Of a row or tensor of `count` weights, a multiple of the block. */
export function bytesOfType(type: GgufType, count: number): number {
  const { weights, bytes } = ggufTypes[type];
  return (count / weights) * bytes;
}

/** Quantized types among tensors, the one with most weights first. */
export function quantizedTypes(tensors: Iterable<{ readonly type: GgufType; readonly shape: readonly number[] }>): readonly GgufType[] {
  const counts = new Map<GgufType, number>();
  for (const { type, shape } of tensors) {
    const weights = shape.reduce((product, size) => product * size, 1);
    if (ggufTypes[type].weights > 1) counts.set(type, (counts.get(type) ?? 0) + weights);
  }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([type]) => type);
}
