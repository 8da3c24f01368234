// Our own layout (layouts.ts): GPTQ packing with free shapes and floating-point zero points, and A8W8 with fractional zero points.
import type { NativeBinding } from '@quantwright/native/binding';
import { groupCount, packedWords, suffix } from '../layouts.ts';
import type { MappedCheckpoint } from '../mapped.ts';
import type { QuantwrightStored } from './config.ts';
import { expectTensor, fail, type LinearPlace, readBias, readGroupIndex, type StoredLinear, scaleTypeOf, transpose } from './stored.ts';

export async function readQuantwright(mapped: MappedCheckpoint, place: LinearPlace, config: QuantwrightStored, binding: NativeBinding): Promise<StoredLinear> {
  const integer = config.of(place.module).computeMethod === 'activate_quant';
  return {
    ...(integer ? await readIntegerActivations(mapped, place) : await readWeightOnly(mapped, place, config, binding)),
    ...(await readBias(mapped, place)),
  };
}

async function readWeightOnly(mapped: MappedCheckpoint, place: LinearPlace, config: QuantwrightStored, binding: NativeBinding): Promise<StoredLinear> {
  const { module, rows, cols } = place;
  const { bits, groupSize, signed } = config.of(module);
  const name = (tensor: string): string => `${module}.${tensor}`;
  checkShape(mapped, place);
  const groups = groupCount(cols, groupSize);
  const qweight = expectTensor(mapped, name(suffix.qweight), ['I32', 'U32'], [packedWords(cols, bits), rows]);
  const scales = expectTensor(mapped, name(suffix.scales), ['F16', 'BF16', 'F32'], [groups, rows]);
  const zeros = expectTensor(mapped, name(suffix.zeros), [scales.dtype], [groups, rows]);
  const gIdx = readGroupIndex(mapped, name(suffix.gIdx), cols, groups, groupSize);
  const codes = await binding.unpackGptq(mapped.bytes(qweight.name), rows, cols, bits);
  return {
    spec: {
      codec: bits === 8 ? 'q8' : 'q4',
      rows,
      cols,
      groupSize: groups === 1 ? -1 : groupSize,
      codes: signed ? signedCodes(codes, 2 ** (bits - 1)) : codes,
      scale: transpose(await mapped.floats(scales.name), groups, rows, new Float32Array(rows * groups)),
      zero: transpose(await mapped.floats(zeros.name), groups, rows, new Float32Array(rows * groups)),
      ...(gIdx === undefined ? {} : { gIdx }),
      scaleType: scaleTypeOf(scales),
    },
  };
}

async function readIntegerActivations(mapped: MappedCheckpoint, place: LinearPlace): Promise<StoredLinear> {
  const { module, rows, cols } = place;
  const weight = expectTensor(mapped, `${module}.${suffix.weight}`, ['I8', 'U8'], [rows, cols]);
  const scale = expectTensor(mapped, `${module}.${suffix.weightScale}`, ['F32'], [rows, 1]);
  const zero = expectTensor(mapped, `${module}.${suffix.weightZeroPoint}`, ['F32'], [rows, 1]);
  const bytes = mapped.read(weight.name);
  return {
    spec: {
      codec: 'w8a8',
      rows,
      cols,
      groupSize: -1,
      codes: weight.dtype === 'I8' ? new Int8Array(bytes.buffer) : bytes,
      scale: await mapped.floats(scale.name),
      zero: await mapped.floats(zero.name),
      scaleType: 'f32',
    },
  };
}

function checkShape(mapped: MappedCheckpoint, place: LinearPlace): void {
  const info = expectTensor(mapped, `${place.module}.${suffix.weightShape}`, ['I64'], [2]);
  const [rows, cols] = Array.from(new BigInt64Array(mapped.read(info.name).buffer), Number);
  if (rows !== place.rows || cols !== place.cols) fail(info, `says [${rows}, ${cols}]; the model's config needs [${place.rows}, ${place.cols}]`);
}

/** Stored code = code + offset. */
function signedCodes(stored: Uint8Array, offset: number): Int8Array {
  const codes = new Int8Array(stored.length);
  for (let index = 0; index < codes.length; index++) codes[index] = (stored[index] ?? 0) - offset;
  return codes;
}
