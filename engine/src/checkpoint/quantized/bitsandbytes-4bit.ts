// bitsandbytes 4-bit checkpoints (NF4, FP4) -> weight specs: w = quant_map[code] * absmax of its block, blocks along the flattened matrix.
// Source: bitsandbytes-foundation/bitsandbytes bitsandbytes/functional.py :: QuantState.as_dict, dequantize_4bit; algorithms section 18.4.
// The reference multiplies in the type it computes in (bfloat16 or float16); here products are f32.
import type { Bytes } from '@quantwright/native/binding';
import type { Dtype } from '../dtype.ts';
import type { TensorInfo } from '../header.ts';
import { isJsonObject, type JsonObject } from '../json-file.ts';
import { suffix } from '../layouts.ts';
import type { MappedCheckpoint } from '../mapped.ts';
import { spell } from '../spell.ts';
import { expectTensor, fail, type LinearPlace, readBias, type StoredLinear } from './stored.ts';

/** bnb_4bit_quant_storage: the same bytes under another name. */
const storage: readonly Dtype[] = ['U8', 'I8', 'F16', 'BF16', 'F32', 'F64'];
/** The state is a few short fields. */
const stateBytes = 1 << 16;

interface QuantState {
  readonly blocksize: number;
  readonly nested: { readonly blocksize: number; readonly offset: number } | null;
}

export function isBnb4bit(has: (tensor: string) => boolean, module: string): boolean {
  return has(`${module}.${suffix.bnbAbsmax}`) || stateNames(module).some(has);
}

/** Throws kind `checkpoint`, naming the tensor that is missing, misshapen or contradicts the model. */
export async function readBnb4bit(mapped: MappedCheckpoint, place: LinearPlace): Promise<StoredLinear> {
  const { module, rows, cols } = place;
  const state = readState(mapped, place);
  const blocks = Math.ceil((rows * cols) / state.blocksize);
  const table = expectTensor(mapped, `${module}.${suffix.bnbQuantMap}`, ['F32'], [16]);
  return {
    spec: {
      codec: 'table4',
      rows,
      cols,
      block: state.blocksize,
      codes: packedCodes(mapped, place),
      absmax: await readAbsmax(mapped, module, blocks, state),
      table: await mapped.floats(table.name),
    },
    ...(await readBias(mapped, place)),
  };
}

function stateNames(module: string): readonly string[] {
  return [`${module}.${suffix.bnbNf4}`, `${module}.${suffix.bnbFp4}`];
}

function packedCodes(mapped: MappedCheckpoint, { module, rows, cols }: LinearPlace): Bytes {
  const weight = mapped.checkpoint.info(`${module}.${suffix.weight}`);
  if (!storage.includes(weight.dtype)) fail(weight, `has type ${weight.dtype}; packed 4-bit codes are ${storage.join(', ')}`);
  const needed = Math.ceil((rows * cols) / 2);
  if (weight.bytes !== needed)
    fail(weight, `has shape [${weight.shape.join(', ')}], ${weight.bytes} bytes; 4-bit codes of [${rows}, ${cols}] are ${needed} bytes`);
  return mapped.bytes(weight.name);
}

async function readAbsmax(mapped: MappedCheckpoint, module: string, blocks: number, { nested }: QuantState): Promise<Float32Array> {
  const name = `${module}.${suffix.bnbAbsmax}`;
  if (nested === null) return mapped.floats(expectTensor(mapped, name, ['F32'], [blocks]).name);
  expectTensor(mapped, name, ['U8'], [blocks]);
  const outer = expectTensor(mapped, `${module}.${suffix.bnbNestedAbsmax}`, ['F32'], [Math.ceil(blocks / nested.blocksize)]);
  const map = expectTensor(mapped, `${module}.${suffix.bnbNestedQuantMap}`, ['F32'], [256]);
  return nestedAbsmax(mapped.read(name), await mapped.floats(map.name), await mapped.floats(outer.name), nested.blocksize, nested.offset);
}

/** absmax[i] = map[code i] * outer[floor(i / blocksize)] + offset, every step rounded to f32. Source: functional.py :: dequantize_blockwise, dequantize_4bit. */
export function nestedAbsmax(codes: Uint8Array, map: Float32Array, outer: Float32Array, blocksize: number, offset: number): Float32Array {
  const added = Math.fround(offset);
  return Float32Array.from(codes, (code, index) => Math.fround((map[code] ?? 0) * (outer[Math.floor(index / blocksize)] ?? 0)) + added);
}

function readState(mapped: MappedCheckpoint, place: LinearPlace): QuantState {
  const name = stateNames(place.module).find((candidate) => mapped.checkpoint.has(candidate)) ?? `${place.module}.${suffix.bnbNf4}`;
  const info = mapped.checkpoint.info(name);
  if (info.dtype !== 'U8' || info.shape.length !== 1 || info.bytes > stateBytes)
    fail(info, `has type ${info.dtype} and shape [${info.shape.join(', ')}]; at most ${stateBytes} bytes of JSON are needed`);
  const state = parseState(info, mapped.read(name));
  const [rows, cols, ...more] = Array.isArray(state['shape']) ? (state['shape'] as unknown[]) : [];
  if (rows !== place.rows || cols !== place.cols || more.length > 0)
    fail(info, `says shape ${spell(state['shape'])}; the model's config needs [${place.rows}, ${place.cols}]`);
  const blocksize = positive(info, state, 'blocksize', 32, 4096);
  const nested = state['nested_blocksize'] !== undefined || state['nested_offset'] !== undefined;
  if (!nested) return { blocksize, nested: null };
  const offset = state['nested_offset'];
  if (typeof offset !== 'number') return fail(info, `says nested_offset ${spell(offset)}; a number is needed`);
  return { blocksize, nested: { blocksize: positive(info, state, 'nested_blocksize', 1, 1 << 20), offset } };
}

function parseState(info: TensorInfo, bytes: Uint8Array): JsonObject {
  let state: unknown;
  try {
    state = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    return fail(info, `is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  return isJsonObject(state) ? state : fail(info, 'holds JSON that is not an object');
}

function positive(info: TensorInfo, state: JsonObject, key: string, least: number, most: number): number {
  const value = state[key];
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  return fail(info, `says ${key} ${spell(value)}; a whole number from ${least} to ${most} is needed`);
}
