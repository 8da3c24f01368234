// Where a model's builder gets its weights: linears in any stored layout, vectors and the embedding table, each checked against the shape the config gives.
import type { NativeBinding, Weight } from '@quantwright/native/binding';
import { suffix } from '../checkpoint/layouts.ts';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import type { StoredQuantization } from '../checkpoint/quantized/config.ts';
import { readLinear } from '../checkpoint/quantized/linear.ts';
import { expectTensor, readBias } from '../checkpoint/quantized/stored.ts';
import { transposedDense } from '../checkpoint/transposed.ts';
import { EngineError } from '../errors.ts';
import type { PackedWeights } from '../packed-cache/packed-cache.ts';

export interface Linear {
  readonly weight: Weight;
  readonly bias?: Float32Array;
}

export interface ModelWeights {
  /** y [rows] = W [rows, cols] x. `bias`: whether the architecture has one; one that is stored though it should not be is used, as quantizers add them. */
  linear(module: string, rows: number, cols: number, bias: boolean): Promise<Linear>;
  /** The same of a matrix stored as [cols, rows] where it is dense; quantized layouts have it as any other. */
  transposedLinear(module: string, rows: number, cols: number, bias: boolean): Promise<Linear>;
  vector(name: string, length: number): Promise<Float32Array>;
  embedding(name: string, rows: number, cols: number): Promise<Weight>;
}

export interface WeightHooks {
  /** After each weight. */
  readonly loaded?: (tensor: string) => void;
  /** Linears that are packed already, by module. */
  readonly packed?: PackedWeights | null;
  /** Vectors (norms, biases) that stand in the place of the checkpoint's, by tensor name. */
  readonly vectors?: ReadonlyMap<string, Float32Array>;
  /** A linear that was packed from its tensors. */
  readonly made?: (module: string, weight: Weight) => void;
  /** What stands for a linear that was read. Absent: the weight itself. */
  readonly held?: (weight: Weight) => Promise<Weight>;
}

/** All methods throw kind `checkpoint`, naming the tensor. */
export function checkpointWeights(
  mapped: MappedCheckpoint,
  quantization: StoredQuantization | null,
  binding: NativeBinding,
  { loaded, packed, vectors, made, held = async (weight) => weight }: WeightHooks = {},
): ModelWeights {
  const path = mapped.checkpoint.path;
  const replaced = (module: string): { readonly bias?: Float32Array } => {
    const bias = vectors?.get(`${module}.bias`);
    return bias === undefined ? {} : { bias };
  };
  const linear: ModelWeights['linear'] = async (module, rows, cols, bias) => {
    const kept = packed?.get(module);
    if (kept?.rows === rows && kept.cols === cols) {
      loaded?.(module);
      return { weight: kept, ...(await readBias(mapped, { module, rows, cols })), ...replaced(module) };
    }
    const stored = await readLinear(mapped, { module, rows, cols }, quantization, binding);
    if (bias && stored.bias === undefined)
      throw new EngineError('checkpoint', `${path}: module ${module} has no bias, though the config says it has`, { file: path, tensor: `${module}.bias` });
    const weight = await held(await binding.createWeight(stored.spec));
    // Those two are computed on where they lie in the file.
    if (stored.spec.codec !== 'dense' && stored.spec.codec !== 'f8') {
      releaseModule(mapped, module);
      made?.(module, weight);
    }
    loaded?.(module);
    return { weight, ...(stored.bias === undefined ? {} : { bias: stored.bias }), ...replaced(module) };
  };
  return {
    linear,
    transposedLinear: async (module, rows, cols, bias) => {
      const name = `${module}.${suffix.weight}`;
      const type = mapped.checkpoint.find(name)?.dtype;
      if (packed?.get(module) !== undefined || (type !== 'F32' && type !== 'F16' && type !== 'BF16')) return linear(module, rows, cols, bias);
      const weight = await held(await binding.createWeight({ codec: 'dense', ...(await transposedDense(mapped, name, rows, cols)) }));
      loaded?.(module);
      if (!bias) return { weight };
      expectTensor(mapped, `${module}.bias`, ['F32', 'F16', 'BF16'], [rows]);
      return { weight, bias: await mapped.floats(`${module}.bias`), ...replaced(module) };
    },
    vector: async (name, length) => {
      expectTensor(mapped, name, ['F32', 'F16', 'BF16'], [length]);
      return vectors?.get(name) ?? mapped.floats(name);
    },
    embedding: async (name, rows, cols) => {
      expectTensor(mapped, name, ['F32', 'F16', 'BF16'], [rows, cols]);
      const weight = await binding.createWeight({ codec: 'dense', ...mapped.dense(name) });
      loaded?.(name);
      return weight;
    },
  };
}

/** A weight packed from its tensors needs them no more; without this, their pages would count as memory of the process until the system wants them. */
function releaseModule(mapped: MappedCheckpoint, module: string): void {
  for (const part of Object.values(suffix)) {
    const name = `${module}.${part}`;
    if (mapped.checkpoint.has(name)) mapped.release(name);
  }
}
