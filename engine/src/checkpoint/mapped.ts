// The data of a checkpoint, memory-mapped through the native addon. Dense matrices are handed out as file ranges and used in place;
// small tensors are copied. Closing it is safe while weights made from it live: the native side keeps their mappings.
import type { Bytes, DenseSource, DenseType, MappedFile, NativeBinding } from '@quantwright/native/binding';
import { EngineError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type Dtype, dtypeBytes } from './dtype.ts';
import type { TensorInfo } from './header.ts';

export interface MappedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** A copy of the tensor's bytes, little endian as stored; its buffer begins at byte 0, so that typed arrays can be laid over it. */
  read(name: string): Uint8Array;
  /** The bytes in place. Throws kind `checkpoint` when there is no such tensor. */
  bytes(name: string): Bytes;
  /** Where the tensor lies, for readers of single bytes; unlike `bytes` it never copies. */
  place(name: string): { readonly file: MappedFile; readonly offset: number; readonly length: number };
  /** A matrix [rows, cols] of F32, F16 or BF16; throws kind `checkpoint` for other shapes and types. */
  dense(name: string): DenseSource;
  /** A vector, or any tensor as a flat list, widened to f32. */
  floats(name: string): Promise<Float32Array>;
  /** Tells the system that the pages of this tensor are not needed soon. */
  release(name: string): void;
  close(): void;
}

const denseTypes: Readonly<Partial<Record<Dtype, DenseType>>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };

export function mapCheckpoint(checkpoint: Checkpoint, binding: NativeBinding): MappedCheckpoint {
  const files = new Map<string, MappedFile>();
  const fileOf = (info: TensorInfo): MappedFile => {
    let file = files.get(info.file);
    if (file === undefined) {
      file = binding.openFile(info.file);
      files.set(info.file, file);
    }
    if (file.size < info.offset + info.bytes) {
      throw new EngineError(
        'checkpoint',
        `${info.file}: now ${file.size} bytes, but tensor ${info.name} ends at offset ${info.offset + info.bytes}: the file shrank after it was opened`,
        {
          file: info.file,
          tensor: info.name,
        },
      );
    }
    return file;
  };
  const bytesOf = (info: TensorInfo): Bytes => {
    const file = fileOf(info);
    // The format does not align tensors; kernels read whole elements, so a matrix that lies askew is copied (our own writer never makes one).
    if (info.bytes === 0 || info.offset % dtypeBytes(info.dtype) !== 0) return file.read(info.offset, info.bytes);
    return { file, offset: info.offset, length: info.bytes };
  };
  return {
    checkpoint,
    read: (name) => {
      const info = checkpoint.info(name);
      const bytes = fileOf(info).read(info.offset, info.bytes);
      return bytes.byteOffset === 0 && bytes.buffer.byteLength === bytes.length ? bytes : bytes.slice();
    },
    bytes: (name) => bytesOf(checkpoint.info(name)),
    place: (name) => {
      const info = checkpoint.info(name);
      return { file: fileOf(info), offset: info.offset, length: info.bytes };
    },
    dense: (name) => {
      const info = checkpoint.info(name);
      const [rows, cols] = info.shape;
      if (info.shape.length !== 2 || rows === undefined || cols === undefined || rows === 0 || cols === 0) {
        throw wrong(info, `has shape [${info.shape.join(', ')}]; a matrix of two dimensions is needed`);
      }
      return { type: denseType(info), rows, cols, data: bytesOf(info) };
    },
    floats: (name) => {
      const info = checkpoint.info(name);
      const count = info.shape.reduce((product, size) => product * size, 1);
      if (count === 0) throw wrong(info, `is empty (shape [${info.shape.join(', ')}])`);
      return binding.widen({ type: denseType(info), rows: 1, cols: count, data: bytesOf(info) });
    },
    release: (name) => {
      const info = checkpoint.info(name);
      files.get(info.file)?.release(info.offset, info.bytes);
    },
    close: () => {
      for (const file of files.values()) file.close();
      files.clear();
    },
  };
}

function denseType(info: TensorInfo): DenseType {
  const type = denseTypes[info.dtype];
  if (type === undefined) throw wrong(info, `has type ${info.dtype}; F32, F16 or BF16 is needed`);
  return type;
}

function wrong(info: TensorInfo, what: string): EngineError {
  return new EngineError('checkpoint', `${info.file}: tensor ${info.name} ${what}`, { file: info.file, tensor: info.name });
}
