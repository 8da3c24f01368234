// compressed-tensors checkpoints, int-quantized and pack-quantized (algorithms section 18.3) -> weight specs.
import type { ActivationSpec } from '@quantwright/native/activations';
import type { NativeBinding, PackedBits, StoredParameters } from '@quantwright/native/binding';
import type { ActivationRecipe } from '@quantwright/schemas/recipe/recipe';
import { activationSpec } from '../activations.ts';
import type { TensorInfo } from '../header.ts';
import { fieldWords, integerCodec, maxCode, packedWords, suffix, weightOnlyCodec } from '../layouts.ts';
import type { MappedCheckpoint } from '../mapped.ts';
import { groupOf } from './compressed-config.ts';
import type { CompressedConfig } from './config.ts';
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

export async function readIntQuantized(mapped: MappedCheckpoint, place: LinearPlace, config: CompressedConfig): Promise<StoredLinear> {
  const { module, rows, cols } = place;
  const weight = expectTensor(mapped, `${module}.${suffix.weight}`, ['I8'], [rows, cols]);
  const group = groupOf(config.groups, module);
  const scales = mapped.checkpoint.info(`${module}.${suffix.weightScale}`);
  const groups = groupsOf(scales, rows);
  const groupSize = fittingGroupSize(scales, cols, groups, group?.groupSize ?? null);
  const activations = group?.activations ?? null;
  return {
    spec: {
      ...(activations === null ? { codec: 'q8' } : { codec: integerCodec(group?.bits ?? 8), activations: await readInputs(mapped, place, activations) }),
      rows,
      cols,
      groupSize,
      codes: storedCodes(mapped, weight.name, 'bytes', 8, true),
      scale: await scaleOf(mapped, scales, rows * groups),
      zero: readZeros(mapped, `${module}.${suffix.weightZeroPoint}`, scales, rows * groups),
      scaleType: scaleTypeOf(scales),
    },
    ...(await readBias(mapped, place)),
  };
}

/** Static scales of inputs: one value; the zero point of signed codes, left out when it is 0. */
async function readInputs(mapped: MappedCheckpoint, { module }: LinearPlace, activations: ActivationRecipe): Promise<ActivationSpec> {
  if (activations.dynamic) return activationSpec(activations);
  const name = `${module}.${suffix.inputScale}`;
  const info = mapped.checkpoint.info(name);
  if (!['F32', 'F16', 'BF16'].includes(info.dtype) || info.bytes > 4) return fail(info, 'must be one floating-point number');
  const scale = (await mapped.floats(name))[0] ?? 0;
  if (!(scale > 0 && Number.isFinite(scale))) return fail(info, `is ${scale}; a positive number is needed`);
  const half = 2 ** (activations.bits - 1);
  const zeroName = `${module}.${suffix.inputZeroPoint}`;
  const zero = mapped.checkpoint.has(zeroName) ? readZeroPoint(mapped, zeroName) : 0;
  if (zero < -half || zero >= half) return fail(mapped.checkpoint.info(zeroName), `is ${zero}; ${-half} to ${half - 1} are codes`);
  return activationSpec(activations, { scale, zero: zero + half });
}

function readZeroPoint(mapped: MappedCheckpoint, name: string): number {
  const info = mapped.checkpoint.info(name);
  const bytes = mapped.read(name).buffer;
  if (info.dtype === 'I8') return new Int8Array(bytes)[0] ?? 0;
  if (info.dtype === 'I32') return new Int32Array(bytes)[0] ?? 0;
  return fail(info, `has type ${info.dtype}; I8 or I32 is needed`);
}

export async function readPackQuantized(mapped: MappedCheckpoint, place: LinearPlace, config: CompressedConfig, binding: NativeBinding): Promise<StoredLinear> {
  const { module, rows, cols } = place;
  const packed = mapped.checkpoint.info(`${module}.${suffix.weightPacked}`);
  checkStatedShape(mapped, place);
  const group = groupOf(config.groups, module);
  const [, words = 0] = packed.shape;
  const { bits, whole } = packingOf(packed, words, cols, group?.bits ?? null);
  expectTensor(mapped, packed.name, ['I32'], [rows, words]);
  const scales = mapped.checkpoint.info(`${module}.${suffix.weightScale}`);
  const groups = groupsOf(scales, rows);
  const groupSize = fittingGroupSize(scales, cols, groups, group?.groupSize ?? null);
  const gIdx = readGroupIndex(mapped, `${module}.${suffix.weightGIdx}`, cols, groups, groupSize);
  const zeroName = `${module}.${suffix.weightZeroPoint}`;
  // Codes and zero points are both stored + 2^(bits-1), so that the stored, unsigned ones can be used as they are.
  let zero: Float32Array | StoredParameters = new Float32Array(rows * groups).fill(2 ** (bits - 1));
  if (mapped.checkpoint.has(zeroName)) {
    expectTensor(mapped, zeroName, ['I32'], [whole ? fieldWords(rows, bits) : packedWords(rows, bits), groups]);
    // Words [.., groups] packed along out: without gaps, that is the GPTQ arrangement of a matrix [groups, out].
    const codes = whole
      ? wholeFields(new Uint32Array(mapped.read(zeroName).buffer), groups, rows, bits)
      : await binding.unpackGptq(mapped.bytes(zeroName), groups, rows, bits);
    zero = integerZeros(codes, 0, maxCode(bits));
  }
  return {
    spec: {
      codec: weightOnlyCodec(bits),
      rows,
      cols,
      groupSize,
      codes: storedCodes(mapped, packed.name, whole ? 'fields' : 'rows', bits, false),
      scale: await scaleOf(mapped, scales, rows * groups),
      zero,
      ...(gIdx === undefined ? {} : { gIdx }),
      scaleType: scaleTypeOf(scales),
    },
    ...(await readBias(mapped, place)),
  };
}

/**
 * Width of the codes, and whether each word holds `whole` codes only (until October 2025) or they follow each other without gaps. Where 32 is a
 * multiple of the width the two are the same. Throws kind `checkpoint` where the number of words fits both and they differ.
 */
function packingOf(info: TensorInfo, words: number, cols: number, stated: PackedBits | null): { readonly bits: PackedBits; readonly whole: boolean } {
  if (stated === null || 32 % stated === 0 || fieldWords(cols, stated) !== words) {
    return { bits: fittingBits(info, stated, fitsPacked(words, cols)), whole: false };
  }
  if (packedWords(cols, stated) === words && words > 1) {
    return fail(info, `has ${words} words for ${cols} codes of ${stated} bits, which both packings of this width have; quantize with another width`);
  }
  return { bits: stated, whole: true };
}

/** Words [ceil(rows / fields), groups] of 32/bits codes each -> codes [groups, rows]. */
function wholeFields(words: Uint32Array, groups: number, rows: number, bits: PackedBits): Uint8Array {
  const fields = Math.floor(32 / bits);
  const mask = maxCode(bits);
  return Uint8Array.from({ length: groups * rows }, (_, at) => {
    const row = at % rows;
    return ((words[Math.floor(row / fields) * groups + Math.floor(at / rows)] ?? 0) >>> ((row % fields) * bits)) & mask;
  });
}

function groupsOf(scales: TensorInfo, rows: number): number {
  const [first, groups = 1] = scales.shape;
  const one = scales.shape.length <= 1 && (first === undefined || first === 1);
  if (one || (first === rows && scales.shape.length <= 2)) return groups;
  return fail(scales, `has shape [${scales.shape.join(', ')}]; [${rows}, groups] is needed`);
}

/** In place, unless one value stands for all. */
async function scaleOf(mapped: MappedCheckpoint, scales: TensorInfo, count: number): Promise<Float32Array | StoredParameters> {
  const values = scales.shape.reduce((product, size) => product * size, 1);
  return values === count ? storedParameters(mapped, scales, 'rows') : spread(await mapped.floats(scales.name), count);
}

/** One value for the tensor (strategy `tensor`) becomes one a row. */
function spread(values: Float32Array, count: number): Float32Array {
  return values.length === count ? values : new Float32Array(count).fill(values[0] ?? 0);
}

function readZeros(mapped: MappedCheckpoint, name: string, scales: TensorInfo, count: number): Float32Array {
  if (!mapped.checkpoint.has(name)) return new Float32Array(count);
  expectTensor(mapped, name, ['I8'], scales.shape);
  return spread(Float32Array.from(new Int8Array(mapped.read(name).buffer)), count);
}

function checkStatedShape(mapped: MappedCheckpoint, place: LinearPlace): void {
  const name = `${place.module}.${suffix.weightShape}`;
  const info = mapped.checkpoint.find(name);
  if (info === undefined) return;
  expectTensor(mapped, name, ['I64', 'I32'], [2]);
  const bytes = mapped.read(name).buffer;
  const [rows, cols] = info.dtype === 'I64' ? Array.from(new BigInt64Array(bytes), Number) : Array.from(new Int32Array(bytes));
  if (rows !== place.rows || cols !== place.cols) fail(info, `says [${rows}, ${cols}]; the model's config needs [${place.rows}, ${place.cols}]`);
}
