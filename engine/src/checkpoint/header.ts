// Parses and judges the header of one safetensors file: 8 bytes of length (u64 little endian), then that many bytes of JSON, then tensor data.
// Every promise that later code relies on is checked here, before any tensor is touched: inside the file, no overlap, no gap, shape x type = bytes.
// Gaps are refused as the format's specification demands: they hide data, and in practice mean wrong offsets. Never reads a file (file.ts does).
import { EngineError } from '../errors.ts';
import { type Dtype, dtypeBytes, dtypeNames, isDtype } from './dtype.ts';
import { repeatedKey } from './json-keys.ts';
import { limits } from './limits.ts';
import { clip, spell } from './spell.ts';

export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Path of the file that holds the data. */
  readonly file: string;
  /** Byte offset from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface SafetensorsHeader {
  readonly file: string;
  readonly fileBytes: number;
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** Length of the JSON from the first 8 bytes. Throws kind `checkpoint` when it cannot be. */
export function headerLength(prefix: Uint8Array, file: string, fileBytes: number): number {
  if (prefix.length < 8) throw damaged(file, `the file has ${fileBytes} bytes; a safetensors file begins with 8 bytes of header length`);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(limits.headerBytes)) {
    throw damaged(
      file,
      `the header length at offset 0 is ${length}, more than the limit of ${limits.headerBytes} bytes; this is not a safetensors file, or its start is damaged`,
    );
  }
  const bytes = Number(length);
  if (bytes < 2) throw damaged(file, `the header length at offset 0 is ${bytes}; the smallest header has 2 bytes`);
  if (8 + bytes > fileBytes) throw damaged(file, `the header ends at offset ${8 + bytes}, but the file has ${fileBytes} bytes: it is truncated`);
  return bytes;
}

/** `json`: the header bytes without the length prefix. Throws kind `checkpoint`, naming file, tensor and offset. */
export function parseHeader(json: Uint8Array, file: string, fileBytes: number): SafetensorsHeader {
  const entries = objectEntries(parseJson(json, file), file);
  if (entries.length > limits.tensors) throw damaged(file, `the header names ${entries.length} tensors, more than the limit of ${limits.tensors}`);
  const dataStart = 8 + json.length;
  const tensors = new Map<string, TensorInfo>();
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of entries) {
    if (name === '__metadata__') metadata = parseMetadata(value, file);
    else tensors.set(name, parseTensor(name, value, file, fileBytes, dataStart));
  }
  checkCoverage([...tensors.values()], file, fileBytes, dataStart);
  return { file, fileBytes, metadata, tensors };
}

function parseJson(json: Uint8Array, file: string): unknown {
  let text: string;
  try {
    // ignoreBOM keeps a byte-order mark in the text, where JSON.parse refuses it; the format demands `{` as the first byte.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
  } catch (cause) {
    throw damaged(file, 'the header (offset 8) is not valid UTF-8', undefined, cause);
  }
  if (!text.startsWith('{')) throw damaged(file, `the header must begin with "{" at offset 8, found ${spell(text.slice(0, 1))}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(file, `the header (offset 8) is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`, undefined, cause);
  }
  const repeated = repeatedKey(text);
  if (repeated !== null) {
    throw damaged(
      file,
      `the header names ${spell(repeated.key)} twice, the second time at offset ${8 + Buffer.byteLength(text.slice(0, repeated.at))}`,
      repeated.key,
    );
  }
  return value;
}

function objectEntries(value: unknown, file: string): [string, unknown][] {
  if (!isRecord(value)) throw damaged(file, 'the header (offset 8) must be a JSON object of tensors');
  return Object.entries(value);
}

function parseMetadata(value: unknown, file: string): ReadonlyMap<string, string> {
  if (!isRecord(value)) throw damaged(file, '__metadata__ in the header must be an object of strings');
  const out = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw damaged(file, `__metadata__ ${spell(key)} in the header must be a string`);
    out.set(key, text);
  }
  return out;
}

function parseTensor(name: string, value: unknown, file: string, fileBytes: number, dataStart: number): TensorInfo {
  if (name.length === 0 || name.length > limits.nameLength) {
    throw damaged(file, `a tensor name in the header has ${name.length} characters (${spell(name)}); 1 to ${limits.nameLength} are allowed`, name);
  }
  if (!isRecord(value)) throw damaged(file, `tensor ${spell(name)}: its header entry must be an object`, name);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string') throw damaged(file, `tensor ${spell(name)}: "dtype" is missing or not a string`, name);
  if (!isDtype(dtype)) throw damaged(file, `tensor ${spell(name)}: dtype ${spell(dtype)} is unknown; known: ${dtypeNames.join(', ')}`, name);
  if (!Array.isArray(shape)) throw damaged(file, `tensor ${spell(name)}: "shape" is missing or not a list`, name);
  if (shape.length > limits.dimensions) throw damaged(file, `tensor ${spell(name)}: ${shape.length} dimensions, the limit is ${limits.dimensions}`, name);
  const dimensions = shape.map((size: unknown) => sizeOf(size, `tensor ${spell(name)}: shape ${spell(shape)}`, file, name));
  if (!Array.isArray(offsets) || offsets.length !== 2) throw damaged(file, `tensor ${spell(name)}: "data_offsets" must be [begin, end]`, name);
  const where = `tensor ${spell(name)}: data_offsets ${spell(offsets)}`;
  const begin = sizeOf(offsets[0], where, file, name);
  const end = sizeOf(offsets[1], where, file, name);
  if (end < begin) throw damaged(file, `${where}: the end lies before the beginning`, name);
  if (dataStart + end > fileBytes) {
    throw damaged(
      file,
      `${where}: the data ends at offset ${dataStart + end} of the file, which has ${fileBytes} bytes: the file is truncated or the offsets are wrong`,
      name,
    );
  }
  const needed = dimensions.reduce((product, size) => product * size, dtypeBytes(dtype));
  if (needed !== end - begin) {
    throw damaged(
      file,
      `tensor ${spell(name)}: ${dtype} ${spell(dimensions)} needs ${needed} bytes, but data_offsets [${begin}, ${end}] give ${end - begin}`,
      name,
    );
  }
  return { name, dtype, shape: dimensions, file, offset: dataStart + begin, bytes: end - begin };
}

function sizeOf(value: unknown, where: string, file: string, tensor: string): number {
  // JSON can spell 1e999 (infinite), 0.5, -1 and integers above 2^53 that a double cannot hold.
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw damaged(file, `${where}: ${spell(value)} is not an integer from 0 to 2^53 - 1`, tensor);
}

/** The tensors must cover the data section exactly: no overlap, no gap, nothing after the last. */
function checkCoverage(tensors: TensorInfo[], file: string, fileBytes: number, dataStart: number): void {
  tensors.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let end = dataStart;
  let previous = 'the header';
  for (const tensor of tensors) {
    if (tensor.offset < end) {
      throw damaged(file, `tensor ${spell(tensor.name)} begins at offset ${tensor.offset} of the file, inside ${previous}, which ends at ${end}`, tensor.name);
    }
    if (tensor.offset > end) {
      throw damaged(
        file,
        `tensor ${spell(tensor.name)} begins at offset ${tensor.offset} of the file, but ${previous} ends at ${end}: ${tensor.offset - end} bytes belong to no tensor`,
        tensor.name,
      );
    }
    end = tensor.offset + tensor.bytes;
    previous = `tensor ${spell(tensor.name)}`;
  }
  if (end < fileBytes) throw damaged(file, `${fileBytes - end} bytes after offset ${end} belong to no tensor; the header or the end of the file is damaged`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function damaged(file: string, message: string, tensor?: string, cause?: unknown): EngineError {
  return new EngineError('checkpoint', `${file}: ${message}`, { file, tensor: tensor === undefined ? undefined : clip(tensor), cause });
}
