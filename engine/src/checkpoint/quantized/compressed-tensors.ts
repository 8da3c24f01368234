// compressed-tensors checkpoints, int-quantized and pack-quantized (algorithms section 18.3) -> weight specs.
import type { NativeBinding, StoredParameters } from '@quantwright/native/binding';
import type { TensorInfo } from '../header.ts';
import { maxCode, suffix } from '../layouts.ts';
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
  const integer = group?.dynamicInt8Activations === true;
  if (integer && groups !== 1) fail(scales, `has ${groups} groups a row; integer activations need one`);
  return {
    spec: {
      codec: integer ? 'w8a8' : 'q8',
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

export async function readPackQuantized(mapped: MappedCheckpoint, place: LinearPlace, config: CompressedConfig, binding: NativeBinding): Promise<StoredLinear> {
  const { module, rows, cols } = place;
  const packed = mapped.checkpoint.info(`${module}.${suffix.weightPacked}`);
  checkStatedShape(mapped, place);
  const group = groupOf(config.groups, module);
  const [, words = 0] = packed.shape;
  const stated = group?.bits;
  const bits = fittingBits(packed, stated === 2 || stated === 3 || stated === 4 || stated === 8 ? stated : null, fitsPacked(words, cols));
  expectTensor(mapped, packed.name, ['I32'], [rows, words]);
  const scales = mapped.checkpoint.info(`${module}.${suffix.weightScale}`);
  const groups = groupsOf(scales, rows);
  const groupSize = fittingGroupSize(scales, cols, groups, group?.groupSize ?? null);
  const gIdx = readGroupIndex(mapped, `${module}.${suffix.weightGIdx}`, cols, groups, groupSize);
  const zeroName = `${module}.${suffix.weightZeroPoint}`;
  // Codes and zero points are both stored + 2^(bits-1), so that the stored, unsigned ones can be used as they are.
  let zero: Float32Array | StoredParameters = new Float32Array(rows * groups).fill(2 ** (bits - 1));
  if (mapped.checkpoint.has(zeroName)) {
    const zeroWords = Math.ceil((rows * bits) / 32);
    expectTensor(mapped, zeroName, ['I32'], [zeroWords, groups]);
    // Words [ceil(out*bits/32), groups] packed along out: the GPTQ arrangement of a matrix [groups, out].
    const codes = await binding.unpackGptq(mapped.bytes(zeroName), groups, rows, bits);
    zero = integerZeros(codes, 0, maxCode(bits));
  }
  return {
    spec: {
      codec: bits === 8 ? 'q8' : 'q4',
      rows,
      cols,
      groupSize,
      codes: storedCodes(mapped, packed.name, 'rows', bits, false),
      scale: await scaleOf(mapped, scales, rows * groups),
      zero,
      ...(gIdx === undefined ? {} : { gIdx }),
      scaleType: scaleTypeOf(scales),
    },
    ...(await readBias(mapped, place)),
  };
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
