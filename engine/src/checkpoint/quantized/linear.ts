// One linear layer of a checkpoint, however it is stored: dense, or any layout this engine reads. The tensors that are there decide;
// the config only supplies what tensors cannot say.
import type { NativeBinding } from '@quantwright/native/binding';
import { EngineError } from '../../errors.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { suffix } from '../layouts.ts';
import type { MappedCheckpoint } from '../mapped.ts';
import { readAwq } from './awq.ts';
import { readBnbInt8 } from './bitsandbytes.ts';
import { isBnb4bit, readBnb4bit } from './bitsandbytes-4bit.ts';
import { groupOf } from './compressed-config.ts';
import { readIntQuantized, readPackQuantized } from './compressed-tensors.ts';
import type { StoredQuantization } from './config.ts';
import { readFp8 } from './fp8.ts';
import { readGptq } from './gptq.ts';
import { readHqq } from './hqq.ts';
import { readQuantwright } from './quantwright.ts';
import { expectTensor, type LinearPlace, readBias, type StoredLinear } from './stored.ts';

/** Throws kind `checkpoint`, naming the module, when tensors are missing, do not fit the model, or contradict the config. */
export async function readLinear(
  mapped: MappedCheckpoint,
  place: LinearPlace,
  quantization: StoredQuantization | null,
  binding: NativeBinding,
): Promise<StoredLinear> {
  // Tensors of a kind have names of its own; what stays in floating point is `weight`.
  const coded = quantization?.layout === 'quantwright' && 'kind' in quantization.of(place.module) && !mapped.checkpoint.has(`${place.module}.${suffix.weight}`);
  if (coded) return readQuantwright(mapped, place, quantization);
  const kind = storedKind(mapped.checkpoint, place.module);
  if (kind === 'dense') {
    expectTensor(mapped, `${place.module}.${suffix.weight}`, ['F32', 'F16', 'BF16'], [place.rows, place.cols]);
    return { spec: { codec: 'dense', ...mapped.dense(`${place.module}.${suffix.weight}`) }, ...(await readBias(mapped, place)) };
  }
  const path = mapped.checkpoint.path;
  if (kind === 'fp8' && quantization === null) return readFp8(mapped, place, null, false);
  if (quantization === null) {
    throw new EngineError(
      'checkpoint',
      `${path}: module ${place.module} is quantized, but config.json has no quantization_config (and there is no quantize_config.json)`,
      { file: path, tensor: place.module },
    );
  }
  if (quantization.layout === 'quantwright') return readQuantwright(mapped, place, quantization);
  if (quantization.layout === 'gptq' && kind === 'words') return readGptq(mapped, place, quantization, binding);
  if (quantization.layout === 'awq' && kind === 'words') return readAwq(mapped, place, quantization);
  if (quantization.layout === 'bitsandbytes' && kind === 'int8') return readBnbInt8(mapped, place, quantization.threshold);
  if (quantization.layout === 'bitsandbytes' && kind === 'table') return readBnb4bit(mapped, place);
  if (quantization.layout === 'fp8' && kind === 'fp8') return readFp8(mapped, place, quantization.block, true);
  if (quantization.layout === 'hqq' && kind === 'planes') return readHqq(mapped, place, quantization);
  if (quantization.layout === 'compressed-tensors' && kind === 'fp8')
    return readFp8(mapped, place, groupOf(quantization.groups, place.module)?.scaleBlock ?? null, true);
  if (quantization.layout === 'compressed-tensors' && kind === 'int8') return readIntQuantized(mapped, place, quantization);
  if (quantization.layout === 'compressed-tensors' && kind === 'packed') return readPackQuantized(mapped, place, quantization, binding);
  throw new EngineError('checkpoint', `${path}: the tensors of ${place.module} are not of the ${quantization.layout} layout that its config names`, {
    file: path,
    tensor: place.module,
  });
}

function storedKind(checkpoint: Checkpoint, module: string): 'dense' | 'words' | 'packed' | 'int8' | 'table' | 'fp8' | 'planes' {
  if (checkpoint.has(`${module}.${suffix.qweight}`)) return 'words';
  if (checkpoint.has(`${module}.${suffix.weightPacked}`)) return 'packed';
  if (checkpoint.has(`${module}.${suffix.hqqCodes}`)) return 'planes';
  const weight = checkpoint.find(`${module}.${suffix.weight}`);
  if (weight === undefined) {
    throw new EngineError('checkpoint', `${checkpoint.path}: module ${module} has no weight (neither weight, qweight, weight_packed nor W_q)`, {
      file: checkpoint.path,
      tensor: `${module}.weight`,
    });
  }
  if (isBnb4bit((name) => checkpoint.has(name), module)) return 'table';
  if (weight.dtype === 'F8_E4M3' || weight.dtype === 'F8_E5M2') return 'fp8';
  return weight.dtype === 'I8' || weight.dtype === 'U8' ? 'int8' : 'dense';
}
