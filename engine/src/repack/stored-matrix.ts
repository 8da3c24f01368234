// A quantized linear as its checkpoint holds it -> codes, scales and zero points as integers and floats: nothing is rounded. Parameters come first, codes
// on demand, so that a whole model can be judged by its parameters alone.
import { type ActivationSpec, dashinferActivations } from '@quantwright/native/activations';
import type { AffineWeightSpec, Bytes, NativeBinding, PackedBits, StoredCodes, StoredParameters, WeightSpec } from '@quantwright/native/binding';
import { unpackAwq } from '../checkpoint/awq-words.ts';
import { fieldWords, maxCode } from '../checkpoint/layouts.ts';
import type { AffineMatrix } from '../methods/method.ts';

/** w = (code - zero) * scale. */
export interface StoredMatrix {
  readonly rows: number;
  readonly cols: number;
  readonly bits: PackedBits;
  /** 1..cols. */
  readonly groupSize: number;
  readonly groups: number;
  /** [rows, groups] */
  readonly scale: Float32Array;
  /** [rows, groups], of the codes as `codes` gives them. */
  readonly zero: Float32Array;
  /** Whether `codes` gives signed codes. */
  readonly signed: boolean;
  readonly scaleType: AffineMatrix['scaleType'];
  /** Group of every column; absent = column / groupSize. */
  readonly gIdx?: Int32Array;
  /** How integer activations are made; null: they stay in floating point. */
  readonly activations: ActivationSpec | null;
  /** [rows, cols], one code a byte. */
  codes(): Promise<Int8Array | Uint8Array>;
}

/** Null: the weight is no affine one, or lies in a layout whose words are not undone here (HQQ). */
export async function storedMatrix(binding: NativeBinding, spec: WeightSpec): Promise<StoredMatrix | null> {
  if (!isAffine(spec)) return null;
  const { rows, cols, codes } = spec;
  if (!ArrayBuffer.isView(codes) && (codes.layout === 'planes' || codes.bits === 1)) return null;
  const groupSize = spec.groupSize === -1 ? cols : spec.groupSize;
  const groups = Math.ceil(cols / groupSize);
  return {
    rows,
    cols,
    bits: ArrayBuffer.isView(codes) ? 8 : packedBits(codes.bits),
    groupSize,
    groups,
    scale: await parameters(binding, spec.scale, rows, groups),
    zero: await parameters(binding, spec.zero, rows, groups),
    signed: ArrayBuffer.isView(codes) ? codes instanceof Int8Array : codes.signed,
    scaleType: spec.scaleType,
    ...(spec.gIdx === undefined ? {} : { gIdx: spec.gIdx }),
    activations: spec.codec === 'w8a8' || spec.codec === 'w4a8' ? (spec.activations ?? dashinferActivations) : null,
    codes: () => (ArrayBuffer.isView(codes) ? Promise.resolve(codes) : unpacked(binding, codes, rows, cols)),
  };
}

function isAffine(spec: WeightSpec): spec is AffineWeightSpec {
  return spec.codec === 'w8a8' || spec.codec === 'w4a8' || /^q\d$/.test(spec.codec);
}

function packedBits(bits: StoredCodes['bits']): PackedBits {
  if (bits === 1) throw new RangeError('codes of one bit lie in planes only');
  return bits;
}

async function parameters(binding: NativeBinding, stored: Float32Array | StoredParameters, rows: number, groups: number): Promise<Float32Array> {
  if (ArrayBuffer.isView(stored)) return stored;
  const values = await binding.widen({ type: stored.type, rows: 1, cols: rows * groups, data: stored.data });
  if (stored.order === 'rows' || groups === 1) return values;
  const out = new Float32Array(values.length);
  for (let group = 0; group < groups; group++) for (let row = 0; row < rows; row++) out[row * groups + group] = values[group * rows + row] ?? 0;
  return out;
}

async function unpacked(binding: NativeBinding, stored: StoredCodes, rows: number, cols: number): Promise<Int8Array | Uint8Array> {
  const bits = packedBits(stored.bits);
  if (stored.layout === 'bytes') {
    const bytes = bytesOf(stored.data);
    return stored.signed ? new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes;
  }
  const fields = await unsignedFields(binding, stored, rows, cols, bits);
  // Signed fields of words are code + 2^(bits - 1).
  return stored.signed ? Int8Array.from(fields, (field) => field - 2 ** (bits - 1)) : fields;
}

async function unsignedFields(binding: NativeBinding, stored: StoredCodes, rows: number, cols: number, bits: PackedBits): Promise<Uint8Array> {
  switch (stored.layout) {
    case 'gptq':
      return binding.unpackGptq(stored.data, rows, cols, bits);
    case 'rows':
      return binding.unpackRows(stored.data, rows, cols, bits);
    case 'awq':
      return unpackAwq(words(stored.data), rows, cols);
    default:
      return wholeFields(words(stored.data), rows, cols, bits);
  }
}

/** Words [rows, ceil(cols / (32 / bits))] of whole codes. */
function wholeFields(packed: Uint32Array, rows: number, cols: number, bits: PackedBits): Uint8Array {
  const [fields, line, mask] = [Math.floor(32 / bits), fieldWords(cols, bits), maxCode(bits)];
  const out = new Uint8Array(rows * cols);
  for (let row = 0; row < rows; row++)
    for (let col = 0; col < cols; col++) out[row * cols + col] = ((packed[row * line + Math.floor(col / fields)] ?? 0) >>> ((col % fields) * bits)) & mask;
  return out;
}

function words(data: Bytes): Uint32Array {
  const bytes = bytesOf(data);
  return bytes.byteOffset % 4 === 0 ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4) : new Uint32Array(bytes.slice().buffer);
}

function bytesOf(data: Bytes): Uint8Array {
  return data instanceof Uint8Array ? data : data.file.read(data.offset, data.length);
}
