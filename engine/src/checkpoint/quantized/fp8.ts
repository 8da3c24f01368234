// Checkpoints with 8-bit float weights -> weight specs: w = data * scale, with one scale for the tensor, a row, or a block of both.
// Read: plain casts, quant_method fp8 (weight_scale or weight_scale_inv, which is no inverse), fbgemm_fp8, compressed-tensors float-quantized.
// Scales of activations (input_scale, input_scale_ub) are not used: activations stay float, which only leaves out an error.
// Sources: huggingface/transformers integrations/finegrained_fp8.py :: FP8Linear, integrations/fbgemm_fp8.py :: FbgemmFp8Linear;
// vllm-project/compressed-tensors compressors :: FloatQuantizationCompressor.
import type { TensorInfo } from '../header.ts';
import { suffix } from '../layouts.ts';
import type { MappedCheckpoint } from '../mapped.ts';
import { expectTensor, fail, type LinearPlace, readBias, type StoredLinear } from './stored.ts';

/** Of DeepSeek's checkpoints, and what transformers takes where weight_block_size is left out. */
const usualBlock = 128;

export type ScaleBlock = readonly [rows: number, cols: number];

/** `stated`: what the config says of blocks; `scaled`: whether a scale must be there (a plain cast has none). */
export async function readFp8(mapped: MappedCheckpoint, place: LinearPlace, stated: ScaleBlock | null, scaled: boolean): Promise<StoredLinear> {
  const { module, rows, cols } = place;
  const weight = expectTensor(mapped, `${module}.${suffix.weight}`, ['F8_E4M3', 'F8_E5M2'], [rows, cols]);
  const names = [suffix.weightScaleInv, suffix.weightScale].map((part) => `${module}.${part}`);
  const name = names.find((candidate) => mapped.checkpoint.has(candidate));
  // Asking for the missing tensor refuses with its name.
  const info =
    name === undefined && !scaled ? null : mapped.checkpoint.info(name ?? `${module}.${stated === null ? suffix.weightScale : suffix.weightScaleInv}`);
  const [scaleRows, scaleCols] = info === null ? [rows, cols] : scaleTile(info, place, stated);
  return {
    spec: {
      codec: 'f8',
      type: weight.dtype === 'F8_E4M3' ? 'e4m3' : 'e5m2',
      rows,
      cols,
      data: mapped.bytes(weight.name),
      scale: info === null ? Float32Array.of(1) : await readScales(mapped, info),
      scaleRows,
      scaleCols,
    },
    ...(await readBias(mapped, place)),
  };
}

/** Weights that share one value of a scale tensor, as [rows, cols]: all, a row, or a block. */
function scaleTile(info: TensorInfo, { rows, cols }: LinearPlace, stated: ScaleBlock | null): ScaleBlock {
  const { shape } = info;
  const [first = 1, second = 1] = shape;
  if (shape.length <= 2) {
    if (stated !== null) {
      const [down, across] = stated;
      if (shape.length === 2 && first === Math.ceil(rows / down) && second === Math.ceil(cols / across)) return stated;
    } else {
      if (first === 1 && second === 1) return [rows, cols];
      if (first === rows && second === 1) return [1, cols];
      if (shape.length === 2 && first === Math.ceil(rows / usualBlock) && second === Math.ceil(cols / usualBlock)) return [usualBlock, usualBlock];
    }
  }
  const blocks = stated === null ? '' : `[${Math.ceil(rows / stated[0])}, ${Math.ceil(cols / stated[1])}] for blocks of ${stated[0]} x ${stated[1]}`;
  return fail(
    info,
    `has shape [${shape.join(', ')}]; ${stated === null ? `one value, [${rows}, 1], or one for ${usualBlock} x ${usualBlock}` : blocks} is needed`,
  );
}

async function readScales(mapped: MappedCheckpoint, info: TensorInfo): Promise<Float32Array> {
  // Scales that are powers of two, stored as their exponents alone.
  if (info.dtype === 'F8_E8M0') return Float32Array.from(mapped.read(info.name), (byte) => (byte === 255 ? Number.NaN : 2 ** (byte - 127)));
  return mapped.floats(expectTensor(mapped, info.name, ['F32', 'F16', 'BF16'], info.shape).name);
}
