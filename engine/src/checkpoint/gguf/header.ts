// The header of one GGUF file: metadata and the table of its tensors (the format's specification: ggml repository, docs/gguf.md). Judges every promise
// that later code relies on: known types, whole blocks, alignment, inside the file, no name twice, no overlap. Never reads a file (file.ts does).
import { EngineError } from '../../errors.ts';
import { clip, spell } from '../spell.ts';
import { type GgufBytes, type GgufValue, ggufBytes, HeaderDamage } from './bytes.ts';
import { bytesOfType, type GgufType, ggufTypeNames, ggufTypeOf, ggufTypes, typeName } from './types.ts';

export interface GgufTensor {
  /** As in the file. */
  readonly name: string;
  readonly type: GgufType;
  /** Outermost first: [rows, cols]; the file has them the other way round. */
  readonly shape: readonly number[];
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface GgufHeader {
  readonly file: string;
  readonly fileBytes: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const limits = {
  /** Far above the thousand tensors of the largest dense models and the hundred thousand of mixtures. */
  tensors: 1_000_000,
  keys: 100_000,
  nameBytes: 1_024,
  keyBytes: 65_535,
  dimensions: 4,
  alignment: 1_048_576,
} as const;

/** `head`: the first bytes of `file`. Throws kind `checkpoint`, naming file, key or tensor, and MoreBytesNeeded when `head` must be longer. */
export function parseGgufHeader(head: Uint8Array, file: string, fileBytes: number): GgufHeader {
  try {
    return parse(ggufBytes(head, fileBytes), head, file, fileBytes);
  } catch (cause) {
    throw cause instanceof HeaderDamage ? damaged(file, cause.message, undefined, cause) : cause;
  }
}

function parse(bytes: GgufBytes, head: Uint8Array, file: string, fileBytes: number): GgufHeader {
  if (fileBytes < 24 || head[0] !== 0x47 || head[1] !== 0x47 || head[2] !== 0x55 || head[3] !== 0x46) {
    throw damaged(file, 'is no GGUF file: it does not begin with "GGUF" and a header');
  }
  bytes.uint32('the magic number');
  const version = bytes.uint32('the version');
  if (version !== 2 && version !== 3) {
    // A big-endian file has its version in the other bytes.
    const other = version % 65_536 === 0 ? 'a big-endian file cannot be read' : `version ${version} cannot be read; versions 2 and 3 can`;
    throw damaged(file, other);
  }
  const tensorCount = bytes.uint64('the number of tensors');
  const keyCount = bytes.uint64('the number of keys');
  if (tensorCount > limits.tensors) throw damaged(file, `${tensorCount} tensors, more than the limit of ${limits.tensors}`);
  if (keyCount > limits.keys) throw damaged(file, `${keyCount} metadata keys, more than the limit of ${limits.keys}`);
  // Name length, value type and one byte; name length, dimensions, type and offset.
  bytes.expectRoom('metadata', keyCount, 13);
  bytes.expectRoom('tensors', tensorCount, 24);
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < keyCount; index++) {
    const key = bytes.string(`metadata key ${index}`, limits.keyBytes);
    if (metadata.has(key)) throw damaged(file, `the metadata names ${spell(key)} twice`);
    metadata.set(key, bytes.value(`metadata ${clip(key)}`));
  }
  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || !Number.isSafeInteger(alignment) || alignment < 1 || alignment > limits.alignment || (alignment & (alignment - 1)) !== 0)
    throw damaged(file, `general.alignment is ${spell(alignment)}; it must be a power of two up to ${limits.alignment}`);
  const tensors = new Map<string, GgufTensor>();
  for (let index = 0; index < tensorCount; index++) {
    const tensor = readTensor(bytes, index, file);
    if (tensors.has(tensor.name)) throw damaged(file, `two tensors are named ${spell(tensor.name)}`, tensor.name);
    tensors.set(tensor.name, tensor);
  }
  const dataStart = Math.ceil(bytes.offset / alignment) * alignment;
  const placed = [...tensors.values()].map((tensor) => place(tensor, dataStart, alignment, fileBytes));
  checkOverlap(placed);
  return { file, fileBytes, metadata, tensors: new Map(placed.map((tensor) => [tensor.name, tensor])) };
}

/** `offset` is still that of the data section. */
function readTensor(bytes: GgufBytes, index: number, file: string): GgufTensor {
  const name = bytes.string(`the name of tensor ${index}`, limits.nameBytes);
  const what = `tensor ${spell(name)}`;
  const dimensions = bytes.uint32(`the number of dimensions of ${what}`);
  if (dimensions < 1 || dimensions > limits.dimensions) throw damaged(file, `${what} has ${dimensions} dimensions; 1 to ${limits.dimensions} can be`, name);
  const shape = Array.from({ length: dimensions }, () => bytes.uint64(`a dimension of ${what}`)).reverse();
  const id = bytes.uint32(`the type of ${what}`);
  const offset = bytes.uint64(`the offset of ${what}`);
  const type = ggufTypeOf(id);
  if (type === null) throw damaged(file, `${what} has type ${typeName(id)}, which cannot run here; those that can: ${ggufTypeNames.join(', ')}`, name);
  const count = shape.reduce((product, size) => product * size, 1);
  const { weights } = ggufTypes[type];
  if (count < 1 || !Number.isSafeInteger(count)) throw damaged(file, `${what} has shape [${shape.join(', ')}]`, name);
  if ((shape.at(-1) ?? 0) % weights !== 0) throw damaged(file, `${what}: rows of ${shape.at(-1)} are no whole ${type} blocks of ${weights}`, name);
  return { name, type, shape, file, offset, bytes: bytesOfType(type, count) };
}

function place(tensor: GgufTensor, dataStart: number, alignment: number, fileBytes: number): GgufTensor {
  const what = `tensor ${spell(tensor.name)}`;
  if (tensor.offset % alignment !== 0)
    throw damaged(tensor.file, `${what} begins at offset ${tensor.offset} of the data, which is no multiple of ${alignment}`, tensor.name);
  const offset = dataStart + tensor.offset;
  if (offset + tensor.bytes > fileBytes) {
    throw damaged(tensor.file, `${what} ends at offset ${offset + tensor.bytes}, but the file ends at ${fileBytes}: it is cut short or damaged`, tensor.name);
  }
  return { ...tensor, offset };
}

function checkOverlap(tensors: readonly GgufTensor[]): void {
  const sorted = [...tensors].sort((a, b) => a.offset - b.offset);
  for (const [index, tensor] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before !== undefined && tensor.offset < before.offset + before.bytes)
      throw damaged(tensor.file, `tensor ${spell(tensor.name)} begins at offset ${tensor.offset}, inside tensor ${spell(before.name)}`, tensor.name);
  }
}

function damaged(file: string, message: string, tensor?: string, cause?: unknown): EngineError {
  return new EngineError('checkpoint', `${file}: ${message}`, { file, tensor: tensor === undefined ? undefined : clip(tensor), cause });
}
