// Reads the values of a GGUF header, little endian, from the front of a file. Nothing is allocated for a count that the file cannot hold.
// Not @huggingface/gguf: its reader pads the last chunk of a file with zeros, so that a header that was cut short reads as empty names,
// and it does not look for repeated names, offsets outside the file or tensors that overlap.

/** The bytes at hand end; the file does not. */
export class MoreBytesNeeded extends Error {}
/** What is wrong and at which offset; without the file's name. */
export class HeaderDamage extends Error {}

export type GgufValue = number | boolean | string | readonly number[] | readonly boolean[] | readonly string[];

const scalars = {
  0: { name: 'uint8', bytes: 1, read: (view: DataView, at: number) => view.getUint8(at) },
  1: { name: 'int8', bytes: 1, read: (view: DataView, at: number) => view.getInt8(at) },
  2: { name: 'uint16', bytes: 2, read: (view: DataView, at: number) => view.getUint16(at, true) },
  3: { name: 'int16', bytes: 2, read: (view: DataView, at: number) => view.getInt16(at, true) },
  4: { name: 'uint32', bytes: 4, read: (view: DataView, at: number) => view.getUint32(at, true) },
  5: { name: 'int32', bytes: 4, read: (view: DataView, at: number) => view.getInt32(at, true) },
  6: { name: 'float32', bytes: 4, read: (view: DataView, at: number) => view.getFloat32(at, true) },
  7: { name: 'bool', bytes: 1, read: (view: DataView, at: number) => view.getUint8(at) !== 0 },
  10: { name: 'uint64', bytes: 8, read: (view: DataView, at: number) => Number(view.getBigUint64(at, true)) },
  11: { name: 'int64', bytes: 8, read: (view: DataView, at: number) => Number(view.getBigInt64(at, true)) },
  12: { name: 'float64', bytes: 8, read: (view: DataView, at: number) => view.getFloat64(at, true) },
} as const;

type ScalarType = keyof typeof scalars;
const stringType = 8;
const arrayType = 9;
/** The longest lists are those of merges, half a million in the largest vocabularies. */
const mostElements = 8_000_000;

export interface GgufBytes {
  readonly offset: number;
  uint32(what: string): number;
  /** A count or offset; refused above 2^53. */
  uint64(what: string): number;
  string(what: string, mostBytes: number): string;
  /** Type number, then the value. */
  value(key: string): GgufValue;
  /** Refuses a count of things of at least `bytes` each that the rest of the file cannot hold. */
  expectRoom(what: string, count: number, bytes: number): void;
}

/** `head`: the first bytes of a file of `fileBytes`. The methods throw MoreBytesNeeded past `head` and HeaderDamage past the file. */
export function ggufBytes(head: Uint8Array, fileBytes: number): GgufBytes {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const buffer = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  let offset = 0;
  const take = (bytes: number, what: string): number => {
    const at = offset;
    if (bytes > fileBytes - at)
      throw new HeaderDamage(`${what} at offset ${at} needs ${bytes} bytes, but the file ends at ${fileBytes}: it is cut short or damaged`);
    if (bytes > head.length - at) throw new MoreBytesNeeded();
    offset = at + bytes;
    return at;
  };
  const uint32 = (what: string): number => view.getUint32(take(4, what), true);
  const uint64 = (what: string): number => {
    const at = take(8, what);
    const value = view.getBigUint64(at, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new HeaderDamage(`${what} at offset ${at} is ${value}, more than any file holds`);
    return Number(value);
  };
  const string = (what: string, mostBytes: number): string => {
    const length = uint64(`the length of ${what}`);
    if (length > mostBytes) throw new HeaderDamage(`${what} at offset ${offset} has ${length} bytes, more than the limit of ${mostBytes}`);
    const at = take(length, what);
    return buffer.toString('utf8', at, at + length);
  };
  const expectRoom = (what: string, count: number, bytes: number): void => {
    if (count * bytes > fileBytes - offset)
      throw new HeaderDamage(`${what}: ${count} of at least ${bytes} bytes each do not fit into the ${fileBytes - offset} bytes after offset ${offset}`);
  };
  const one = (type: number, key: string): GgufValue => {
    if (type === stringType) return string(`the value of ${key}`, fileBytes);
    if (type === arrayType) return array(key);
    if (!isScalar(type)) throw new HeaderDamage(`${key} has value type ${type} at offset ${offset}, which does not exist`);
    return scalars[type].read(view, take(scalars[type].bytes, `the value of ${key}`));
  };
  const array = (key: string): GgufValue => {
    const type = uint32(`the element type of ${key}`);
    const count = uint64(`the length of ${key}`);
    if (type !== stringType && !isScalar(type)) throw new HeaderDamage(`${key} is a list of value type ${type}, which cannot be read`);
    expectRoom(key, count, type === stringType ? 8 : scalars[type].bytes);
    if (count > mostElements) throw new HeaderDamage(`${key} has ${count} elements, more than the limit of ${mostElements}`);
    if (type === stringType) return Array.from({ length: count }, (_, index) => string(`element ${index} of ${key}`, fileBytes));
    const { bytes, read, name } = scalars[type];
    const at = take(count * bytes, `the ${name} list ${key}`);
    if (type === 7) return Array.from({ length: count }, (_, index) => view.getUint8(at + index) !== 0);
    return Array.from({ length: count }, (_, index) => Number(read(view, at + index * bytes)));
  };
  return {
    get offset() {
      return offset;
    },
    uint32,
    uint64,
    string,
    expectRoom,
    value: (key) => one(uint32(`the value type of ${key}`), key),
  };
}

function isScalar(type: number): type is ScalarType {
  return Object.hasOwn(scalars, type);
}
