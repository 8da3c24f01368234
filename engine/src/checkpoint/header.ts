// Judges the header of one safetensors file, which schemas/checkpoint/safetensors-header.ts parses for the check service too.
// Every promise that later code relies on is checked, before any tensor is touched: inside the file, no overlap, no gap, shape x type = bytes.
// Gaps are refused as the format's specification demands: they hide data, and in practice mean wrong offsets. Never reads a file (file.ts does).
import { HeaderError, type HeaderTensor, headerLength as lengthOf, parseHeader as parse } from '@quantwright/schemas/checkpoint/safetensors-header';
import { EngineError } from '../errors.ts';
import { type Dtype, dtypeBytes, dtypeNames, isDtype } from './dtype.ts';
import { repeatedKey } from './json-keys.ts';
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
  return inFile(file, () => lengthOf(prefix, fileBytes));
}

/** `json`: the header bytes without the length prefix. Throws kind `checkpoint`, naming file, tensor and offset. */
export function parseHeader(json: Uint8Array, file: string, fileBytes: number): SafetensorsHeader {
  const { text, metadata, tensors: parsed } = inFile(file, () => parse(json, fileBytes));
  const repeated = repeatedKey(text);
  if (repeated !== null) {
    throw damaged(
      file,
      `the header names ${spell(repeated.key)} twice, the second time at offset ${8 + Buffer.byteLength(text.slice(0, repeated.at))}`,
      repeated.key,
    );
  }
  const dataStart = 8 + json.length;
  const tensors = new Map([...parsed].map(([name, tensor]) => [name, tensorOf(name, tensor, file, dataStart)]));
  checkCoverage([...tensors.values()], file, fileBytes, dataStart);
  return { file, fileBytes, metadata, tensors };
}

function tensorOf(name: string, { dtype, shape, begin, end }: HeaderTensor, file: string, dataStart: number): TensorInfo {
  if (!isDtype(dtype)) throw damaged(file, `tensor ${spell(name)}: dtype ${spell(dtype)} is unknown; known: ${dtypeNames.join(', ')}`, name);
  const needed = shape.reduce((product, size) => product * size, dtypeBytes(dtype));
  if (needed !== end - begin) {
    throw damaged(file, `tensor ${spell(name)}: ${dtype} ${spell(shape)} needs ${needed} bytes, but data_offsets [${begin}, ${end}] give ${end - begin}`, name);
  }
  return { name, dtype, shape, file, offset: dataStart + begin, bytes: end - begin };
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

function inFile<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    throw cause instanceof HeaderError ? damaged(file, cause.message, cause.tensor ?? undefined, cause.cause) : cause;
  }
}

function damaged(file: string, message: string, tensor?: string, cause?: unknown): EngineError {
  return new EngineError('checkpoint', `${file}: ${message}`, { file, tensor: tensor === undefined ? undefined : clip(tensor), cause });
}
