// GPTQ checkpoints, v1 and v2 (algorithms section 18.1) -> weight specs.
import type { NativeBinding } from '@quantwright/native/binding';
import { maxCode, suffix, weightOnlyCodec } from '../layouts.ts';
import type { MappedCheckpoint } from '../mapped.ts';
import type { GptqConfig } from './config.ts';
import {
  expectTensor,
  fail,
  fitsPacked,
  fittingBits,
  fittingGroupSize,
  integerZeros,
  type LinearPlace,
  readBias,
  readGroupIndex,
  type StoredLinear,
  scaleTypeOf,
  storedCodes,
  storedParameters,
} from './stored.ts';

export async function readGptq(mapped: MappedCheckpoint, place: LinearPlace, config: GptqConfig, binding: NativeBinding): Promise<StoredLinear> {
  const { module, rows, cols } = place;
  const name = (tensor: string): string => `${module}.${tensor}`;
  const qweight = mapped.checkpoint.info(name(suffix.qweight));
  const qzeros = mapped.checkpoint.info(name(suffix.qzeros));
  const [words = 0] = qweight.shape;
  const [groups = 0, zeroWords = 0] = qzeros.shape;
  const fitsWeight = fitsPacked(words, cols);
  const fitsZero = fitsPacked(zeroWords, rows);
  const bits = fittingBits(qweight, config.bits, (candidate) => fitsWeight(candidate) && fitsZero(candidate));
  expectTensor(mapped, qweight.name, ['I32', 'U32'], [words, rows]);
  expectTensor(mapped, qzeros.name, ['I32', 'U32'], [groups, zeroWords]);
  const scales = expectTensor(mapped, name(suffix.scales), ['F16', 'BF16', 'F32'], [groups, rows]);
  const groupSize = fittingGroupSize(scales, cols, groups, config.groupSize);
  const gIdx = readGroupIndex(mapped, name(suffix.gIdx), cols, groups, groupSize);
  const zeros = await binding.unpackRows(mapped.bytes(qzeros.name), groups, rows, bits);
  if (zeros.length !== groups * rows) fail(qzeros, `unpacks to ${zeros.length} zero points, ${groups * rows} are needed`);
  return {
    spec: {
      codec: weightOnlyCodec(bits),
      rows,
      cols,
      groupSize,
      codes: storedCodes(mapped, qweight.name, 'gptq', bits, false),
      scale: storedParameters(mapped, scales, 'groups'),
      // v1 wrote zero - 1; zero 0 wrapped to the largest code, so adding 1 must wrap back.
      zero: integerZeros(zeros, config.version === 2 ? 0 : 1, maxCode(bits)),
      ...(gIdx === undefined ? {} : { gIdx }),
      scaleType: scaleTypeOf(scales),
    },
    ...(await readBias(mapped, place)),
  };
}
