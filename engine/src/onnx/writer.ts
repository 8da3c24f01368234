// The written ONNX model: one file, or a file and its data beside it where the original has such or 2 GiB would not do. Written under other names and renamed
// when complete, the data first.
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { EngineError, fileError } from '../errors.ts';
import { encodeModel, type ModelProto, newEntry, type TensorProto } from './proto.ts';

export interface OnnxWriter {
  /** Puts the values of a tensor where they belong; it keeps them itself in a model of one file. */
  store(tensor: TensorProto, bytes: Uint8Array): Promise<void>;
  /** Returns the bytes of all files. */
  finish(model: ModelProto): Promise<number>;
  /** Removes everything that was made; does nothing after `finish`. */
  abort(): Promise<void>;
}

/** Offsets that memory maps can begin at (onnx docs/ExternalData.md). */
const alignment = 4096;
/** Smaller tensors stay in the model, where shape inference can see them. */
const leastExternal = 1024;

/** Throws kind `input` when `out` exists and may not be replaced. */
export async function createOnnxWriter(out: string, { external, overwrite }: { readonly external: boolean; readonly overwrite: boolean }): Promise<OnnxWriter> {
  const path = resolve(out);
  const data = `${path}.data`;
  if (!overwrite && (await stat(path).catch(() => null)) !== null) {
    throw new EngineError('input', `${out} exists already; choose another name, or replace it with --overwrite`, { file: out });
  }
  await mkdir(dirname(path), { recursive: true }).catch((cause: unknown) => {
    throw fileError('create', dirname(path), cause);
  });
  const handle = external ? await open(`${data}.partial`, 'w') : null;
  let end = 0;
  let finished = false;
  return {
    store: async (tensor, bytes) => {
      if (handle === null || bytes.length < leastExternal) {
        tensor.rawData = bytes;
        tensor.externalData = [];
        tensor.dataLocation = 0;
        return;
      }
      const offset = Math.ceil(end / alignment) * alignment;
      try {
        await handle.write(bytes, 0, bytes.length, offset);
      } catch (cause) {
        throw fileError('write', data, cause);
      }
      end = offset + bytes.length;
      tensor.rawData = new Uint8Array();
      tensor.dataLocation = 1;
      tensor.externalData = [newEntry('location', basename(data)), newEntry('offset', String(offset)), newEntry('length', String(bytes.length))];
    },
    finish: async (model) => {
      const bytes = encodeModel(model);
      try {
        const file = await open(`${path}.partial`, 'w');
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await handle?.sync();
        await handle?.close();
        if (handle !== null) await rename(`${data}.partial`, data);
        await rename(`${path}.partial`, path);
      } catch (cause) {
        throw fileError('write', path, cause);
      }
      finished = true;
      return bytes.length + end;
    },
    abort: async () => {
      if (finished) return;
      await handle?.close().catch(() => {});
      await rm(`${data}.partial`, { force: true });
      await rm(`${path}.partial`, { force: true });
    },
  };
}
