// Parses the header of one safetensors file: 8 bytes of length (u64 little endian), then that many bytes of JSON, then tensor data. Pure: never reads a
// file. What the editor needs is checked here (sizes, shapes, places inside the file); the engine checks the rest before it touches a tensor
// (engine/src/checkpoint/header.ts).
import { limits } from './limits.ts';
import { clip, spell } from './spell.ts';

/** Where a tensor's bytes are, from the end of the header. `dtype` as written: newer files have types that this version does not know. */
export interface HeaderTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface ParsedHeader {
  /** The JSON itself. */
  readonly text: string;
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, HeaderTensor>;
}

/** The header is not one, or lies; `tensor`: of which it says so. The message does not name the file. */
export class HeaderError extends Error {
  readonly tensor: string | null;

  constructor(message: string, tensor: string | null = null, cause?: unknown) {
    super(message, { cause });
    this.name = 'HeaderError';
    this.tensor = tensor === null ? null : clip(tensor);
  }
}

/** Length of the JSON from the first 8 bytes. Throws HeaderError when it cannot be. */
export function headerLength(prefix: Uint8Array, fileBytes: number): number {
  if (prefix.length < 8) throw new HeaderError(`the file has ${fileBytes} bytes; a safetensors file begins with 8 bytes of header length`);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(limits.headerBytes)) {
    throw new HeaderError(
      `the header length at offset 0 is ${length}, more than the limit of ${limits.headerBytes} bytes; this is not a safetensors file, or its start is damaged`,
    );
  }
  const bytes = Number(length);
  if (bytes < 2) throw new HeaderError(`the header length at offset 0 is ${bytes}; the smallest header has 2 bytes`);
  if (8 + bytes > fileBytes) throw new HeaderError(`the header ends at offset ${8 + bytes}, but the file has ${fileBytes} bytes: it is truncated`);
  return bytes;
}

/** `json`: the header bytes without the length prefix. Throws HeaderError, naming tensor and offset. */
export function parseHeader(json: Uint8Array, fileBytes: number): ParsedHeader {
  const text = textOf(json);
  const entries = entriesOf(text);
  if (entries.length > limits.tensors) throw new HeaderError(`the header names ${entries.length} tensors, more than the limit of ${limits.tensors}`);
  const dataStart = 8 + json.length;
  const tensors = new Map<string, HeaderTensor>();
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of entries) {
    if (name === '__metadata__') metadata = parseMetadata(value);
    else tensors.set(name, parseTensor(name, value, fileBytes, dataStart));
  }
  return { text, metadata, tensors };
}

function textOf(json: Uint8Array): string {
  try {
    // ignoreBOM keeps a byte-order mark in the text, where JSON.parse refuses it; the format demands `{` as the first byte.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
  } catch (cause) {
    throw new HeaderError('the header (offset 8) is not valid UTF-8', null, cause);
  }
}

function entriesOf(text: string): readonly (readonly [string, unknown])[] {
  if (!text.startsWith('{')) throw new HeaderError(`the header must begin with "{" at offset 8, found ${spell(text.slice(0, 1))}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HeaderError(`the header (offset 8) is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`, null, cause);
  }
  if (!isRecord(value)) throw new HeaderError('the header (offset 8) must be a JSON object of tensors');
  return Object.entries(value);
}

function parseMetadata(value: unknown): ReadonlyMap<string, string> {
  if (!isRecord(value)) throw new HeaderError('__metadata__ in the header must be an object of strings');
  const out = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw new HeaderError(`__metadata__ ${spell(key)} in the header must be a string`);
    out.set(key, text);
  }
  return out;
}

function parseTensor(name: string, value: unknown, fileBytes: number, dataStart: number): HeaderTensor {
  if (name.length === 0 || name.length > limits.nameLength) {
    throw new HeaderError(`a tensor name in the header has ${name.length} characters (${spell(name)}); 1 to ${limits.nameLength} are allowed`, name);
  }
  if (!isRecord(value)) throw new HeaderError(`tensor ${spell(name)}: its header entry must be an object`, name);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string') throw new HeaderError(`tensor ${spell(name)}: "dtype" is missing or not a string`, name);
  if (!Array.isArray(shape)) throw new HeaderError(`tensor ${spell(name)}: "shape" is missing or not a list`, name);
  if (shape.length > limits.dimensions) throw new HeaderError(`tensor ${spell(name)}: ${shape.length} dimensions, the limit is ${limits.dimensions}`, name);
  const dimensions = shape.map((size: unknown) => (isSize(size) ? size : refuseSize(size, `shape ${spell(shape)}`, name)));
  if (!Array.isArray(offsets) || offsets.length !== 2) throw new HeaderError(`tensor ${spell(name)}: "data_offsets" must be [begin, end]`, name);
  const [begin, end] = offsets.map((size: unknown) => (isSize(size) ? size : refuseSize(size, `data_offsets ${spell(offsets)}`, name))) as [number, number];
  const where = (): string => `tensor ${spell(name)}: data_offsets ${spell(offsets)}`;
  if (end < begin) throw new HeaderError(`${where()}: the end lies before the beginning`, name);
  if (dataStart + end > fileBytes) {
    throw new HeaderError(
      `${where()}: the data ends at offset ${dataStart + end} of the file, which has ${fileBytes} bytes: the file is truncated or the offsets are wrong`,
      name,
    );
  }
  return { dtype, shape: dimensions, begin, end };
}

/** JSON can spell 1e999 (infinite), 0.5, -1 and integers above 2^53 that a double cannot hold. */
function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function refuseSize(value: unknown, where: string, tensor: string): never {
  throw new HeaderError(`tensor ${spell(tensor)}: ${where}: ${spell(value)} is not an integer from 0 to 2^53 - 1`, tensor);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
