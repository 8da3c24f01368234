// What every reader of a stored layout shares: the linear it must produce, checks that name the tensor, and its tensors as the native side takes them.
import type { DenseType, PackedBits, StoredCodes, StoredParameters, WeightSpec } from '@quantwright/native/binding';
import { EngineError } from '../../errors.ts';
import type { Dtype } from '../dtype.ts';
import type { TensorInfo } from '../header.ts';
import { groupCount, packedWords } from '../layouts.ts';
import type { MappedCheckpoint } from '../mapped.ts';

/** The linear that the model expects: y [rows] = W [rows, cols] x. */
export interface LinearPlace {
  readonly module: string;
  readonly rows: number;
  readonly cols: number;
}

export interface StoredLinear {
  readonly spec: WeightSpec;
  readonly bias?: Float32Array;
}

const scaleTypes: Readonly<Partial<Record<Dtype, DenseType>>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };

export function scaleTypeOf(info: TensorInfo): DenseType {
  return scaleTypes[info.dtype] ?? fail(info, `has type ${info.dtype}; F16, BF16 or F32 is needed`);
}

/** Checks type and shape of `name`. Throws kind `checkpoint`. */
export function expectTensor(mapped: MappedCheckpoint, name: string, dtypes: readonly Dtype[], shape: readonly number[]): TensorInfo {
  const info = mapped.checkpoint.info(name);
  if (!dtypes.includes(info.dtype)) return fail(info, `has type ${info.dtype}; ${dtypes.join(' or ')} is needed`);
  if (info.shape.length !== shape.length || info.shape.some((size, index) => size !== shape[index])) {
    return fail(info, `has shape [${info.shape.join(', ')}]; [${shape.join(', ')}] is needed`);
  }
  return info;
}

/** Width of the codes of a packed tensor: what the config states when it fits, else the only width that fits. */
export function fittingBits(info: TensorInfo, stated: PackedBits | null, fits: (bits: PackedBits) => boolean): PackedBits {
  if (stated !== null && fits(stated)) return stated;
  const [bits, ...more] = ([2, 3, 4, 8] as const).filter(fits);
  if (bits !== undefined && more.length === 0) return bits;
  return fail(info, `has shape [${info.shape.join(', ')}], which no code width explains${stated === null ? '' : ` (the config says ${stated} bits)`}`);
}

/** Group size of a row of `cols` in `groups` groups: what the config states when it fits, else equal groups; -1 for one group. */
export function fittingGroupSize(info: TensorInfo, cols: number, groups: number, stated: number | null): number {
  if (stated !== null && groupCount(cols, stated) === groups) return groups === 1 ? -1 : stated;
  if (groups > 0 && cols % groups === 0) return groups === 1 ? -1 : cols / groups;
  return fail(
    info,
    `has ${groups} groups for ${cols} input features${stated === null ? '' : `; group_size ${stated} of the config gives ${groupCount(cols, stated)}`}`,
  );
}

export function fitsPacked(words: number, count: number): (bits: PackedBits) => boolean {
  return (bits) => packedWords(count, bits) === words;
}

/** Codes in place; see StoredCodes. */
export function storedCodes(mapped: MappedCheckpoint, name: string, layout: StoredCodes['layout'], bits: PackedBits, signed: boolean): StoredCodes {
  return { layout, bits, signed, data: mapped.bytes(name) };
}

/** Scales or zero points in place. `order`: [rows, groups] or [groups, rows]. */
export function storedParameters(mapped: MappedCheckpoint, info: TensorInfo, order: StoredParameters['order']): StoredParameters {
  return { type: scaleTypeOf(info), order, data: mapped.bytes(info.name) };
}

/** Integer zero points [groups, rows] plus `added`, wrapped by `mask`. */
export function integerZeros(codes: Uint8Array, added: number, mask: number): StoredParameters {
  const zero = new Float32Array(codes.length);
  for (let index = 0; index < zero.length; index++) zero[index] = ((codes[index] ?? 0) + added) & mask;
  return { type: 'f32', order: 'groups', data: new Uint8Array(zero.buffer) };
}

/** Group of every column, or undefined when it is column / groupSize, which kernels know without a table. Throws kind `checkpoint` for a group that does not exist. */
export function readGroupIndex(mapped: MappedCheckpoint, name: string, cols: number, groups: number, groupSize: number): Int32Array | undefined {
  if (!mapped.checkpoint.has(name)) return undefined;
  const info = expectTensor(mapped, name, ['I32'], [cols]);
  const index = new Int32Array(mapped.read(name).buffer);
  // compressed-tensors writes -1 everywhere for "not permuted".
  if (index.every((group) => group === -1)) return undefined;
  const wrong = index.findIndex((group) => group < 0 || group >= groups);
  if (wrong >= 0) return fail(info, `puts input feature ${wrong} into group ${index[wrong]}; there are ${groups}`);
  const size = groupSize === -1 ? cols : groupSize;
  return index.every((group, column) => group === Math.floor(column / size)) ? undefined : index;
}

export async function readBias(mapped: MappedCheckpoint, place: LinearPlace): Promise<{ readonly bias?: Float32Array }> {
  const name = `${place.module}.bias`;
  if (!mapped.checkpoint.has(name)) return {};
  expectTensor(mapped, name, ['F32', 'F16', 'BF16'], [place.rows]);
  return { bias: await mapped.floats(name) };
}

/** Throws kind `checkpoint`, naming the tensor and its file. */
export function fail(info: TensorInfo, what: string): never {
  throw new EngineError('checkpoint', `${info.file}: tensor ${info.name} ${what}`, { file: info.file, tensor: info.name });
}
