// Where a model's builder gets its weights: linears in any stored layout, vectors and the embedding table, each checked against the shape the config gives.
import type { NativeBinding, Weight } from '@quantwright/native/binding';
import { suffix } from '../checkpoint/layouts.ts';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import type { StoredQuantization } from '../checkpoint/quantized/config.ts';
import { readLinear } from '../checkpoint/quantized/linear.ts';
import { expectTensor, readBias } from '../checkpoint/quantized/stored.ts';
import { EngineError } from '../errors.ts';
import type { PackedWeights } from '../packed-cache/packed-cache.ts';

export interface Linear {
  readonly weight: Weight;
  readonly bias?: Float32Array;
}

export interface ModelWeights {
  /** y [rows] = W [rows, cols] x. `bias`: whether the architecture has one; one that is stored though it should not be is used, as quantizers add them. */
  linear(module: string, rows: number, cols: number, bias: boolean): Promise<Linear>;
  /** The same of a matrix stored as [cols, rows]; dense only. */
  transposedLinear(module: string, rows: number, cols: number, bias: boolean): Promise<Linear>;
  vector(name: string, length: number): Promise<Float32Array>;
  embedding(name: string, rows: number, cols: number): Promise<Weight>;
}

export interface WeightHooks {
  /** After each weight. */
  readonly loaded?: (tensor: string) => void;
  /** Linears that are packed already, by module. */
  readonly packed?: PackedWeights | null;
  /** A linear that was packed from its tensors. */
  readonly made?: (module: string, weight: Weight) => void;
}

/** All methods throw kind `checkpoint`, naming the tensor. */
export function checkpointWeights(
  mapped: MappedCheckpoint,
  quantization: StoredQuantization | null,
  binding: NativeBinding,
  { loaded, packed, made }: WeightHooks = {},
): ModelWeights {
  const path = mapped.checkpoint.path;
  return {
    linear: async (module, rows, cols, bias) => {
      const kept = packed?.get(module);
      if (kept?.rows === rows && kept.cols === cols) {
        loaded?.(module);
        return { weight: kept, ...(await readBias(mapped, { module, rows, cols })) };
      }
      const stored = await readLinear(mapped, { module, rows, cols }, quantization, binding);
      if (bias && stored.bias === undefined)
        throw new EngineError('checkpoint', `${path}: module ${module} has no bias, though the config says it has`, { file: path, tensor: `${module}.bias` });
      const weight = await binding.createWeight(stored.spec);
      if (stored.spec.codec !== 'dense') {
        releaseModule(mapped, module);
        made?.(module, weight);
      }
      loaded?.(module);
      return stored.bias === undefined ? { weight } : { weight, bias: stored.bias };
    },
    transposedLinear: async (module, rows, cols, bias) => {
      const name = `${module}.${suffix.weight}`;
      expectTensor(mapped, name, ['F32', 'F16', 'BF16'], [cols, rows]);
      const weight = await binding.createWeight({ codec: 'dense', type: 'f32', rows, cols, data: bytesOf(transpose(await mapped.floats(name), cols, rows)) });
      loaded?.(module);
      if (!bias) return { weight };
      expectTensor(mapped, `${module}.bias`, ['F32', 'F16', 'BF16'], [rows]);
      return { weight, bias: await mapped.floats(`${module}.bias`) };
    },
    vector: async (name, length) => {
      expectTensor(mapped, name, ['F32', 'F16', 'BF16'], [length]);
      return mapped.floats(name);
    },
    embedding: async (name, rows, cols) => {
      expectTensor(mapped, name, ['F32', 'F16', 'BF16'], [rows, cols]);
      const weight = await binding.createWeight({ codec: 'dense', ...mapped.dense(name) });
      loaded?.(name);
      return weight;
    },
  };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** [rows, cols] -> [cols, rows], in tiles that stay in cache. */
function transpose(values: Float32Array, rows: number, cols: number): Float32Array {
  const tile = 32;
  const out = new Float32Array(values.length);
  for (let top = 0; top < rows; top += tile)
    for (let left = 0; left < cols; left += tile)
      for (let row = top; row < Math.min(top + tile, rows); row += 1)
        for (let col = left; col < Math.min(left + tile, cols); col += 1) out[col * rows + row] = values[row * cols + col] ?? 0;
  return out;
}

/** A packed weight needs its tensors no more; without this, their pages would count as memory of the process until the system wants them. */
function releaseModule(mapped: MappedCheckpoint, module: string): void {
  for (const part of Object.values(suffix)) {
    const name = `${module}.${part}`;
    if (mapped.checkpoint.has(name)) mapped.release(name);
  }
}
