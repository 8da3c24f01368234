// Matrices whose rows are rounded apart although they share statistics (GPTQ) go into the output in bands of rows: codes and packed words exist of one band at
// a time. A band is packed as a matrix of so many rows, and what comes out belongs into every tensor where those rows lie. The bytes are those of the whole matrix.
import { closeSync, openSync, writeSync } from 'node:fs';
import type { DenseSource } from '@quantwright/native/binding';
import { dtypeBytes } from '../checkpoint/dtype.ts';
import { suffix } from '../checkpoint/layouts.ts';
import { fileError } from '../errors.ts';
import type { LayerInputs, Method } from '../methods/method.ts';
import { refuseNotFinite } from './apply.ts';
import type { BandJob } from './bands.ts';
import { encodeInt64 } from './layouts/codes.ts';
import type { Layout } from './layouts/layout.ts';
import type { PlannedModule } from './plan.ts';

/** Weights of a band: the solver has work for every thread, and codes stay small beside the factor. The same whatever the memory: figures are summed by band. */
const bandWeights = 2 ** 24;
/** Words of every width end with so many rows. */
const rowStep = 32;

/** Rows of a band. */
export function bandRows({ rows, cols }: { readonly rows: number; readonly cols: number }): number {
  return Math.min(rows, Math.max(rowStep, Math.floor(bandWeights / cols / rowStep) * rowStep));
}

/** Whether the module is taken apart: a smaller one is one band anyway. */
export function goesInRowBands(method: Method, module: PlannedModule): boolean {
  const { weight, transposed } = module.source;
  const aligned = weight.offset % dtypeBytes(weight.dtype) === 0;
  return method.rowsApart === true && (module.scheme.kind ?? 'affine') === 'affine' && !transposed && aligned && bandRows(module) < module.rows;
}

/** For modules of which `goesInRowBands` is true. `step`: rows of a band, a multiple of 32. Returns the SQNR in dB. Throws kind `checkpoint` for a weight that is not finite, `io` when the file cannot be written. */
export async function writeInRowBands(
  job: BandJob,
  module: PlannedModule,
  inputs: LayerInputs,
  edited?: DenseSource,
  step: number = bandRows(module),
): Promise<number> {
  const { binding, mapped, method, layout, sink } = job;
  const { weight } = module.source;
  const whole = edited ?? mapped.dense(weight.name);
  const targets = module.tensors.map(({ name }) => sink.claim(name));
  const files = new Map(targets.map(({ path }) => [path, openTarget(path)]));
  let [signal, noise] = [0, 0];
  try {
    for (let row = 0; row < module.rows; row += step) {
      const rows = Math.min(step, module.rows - row);
      const matrix = await method.quantizeModule(binding, rowsOf(whole, row, rows), module.scheme, inputs);
      const { notFinite } = matrix;
      refuseNotFinite(notFinite === null ? matrix : { ...matrix, notFinite: [row + notFinite[0], notFinite[1]] }, weight.name, weight.file);
      if (matrix.kind !== 'affine') throw new Error(`${module.module}: rows of a coded matrix cannot be taken apart`);
      const lost = matrix.mse * rows * module.cols;
      noise += lost;
      // An exact band tells nothing of its signal; it does not count.
      if (lost > 0) signal += lost * 10 ** (matrix.sqnrDb / 10);
      const data = await layout.pack(binding, { ...module, rows }, matrix);
      for (const [index, { path, offset }] of targets.entries()) {
        const piece = placeOf(layout, module, index, row, rows);
        const bytes = piece === null ? constantOf(module, index, data) : (data[index] ?? new Uint8Array());
        // What no row changes is written with the first.
        if (piece !== null || row === 0) writePieces(files.get(path) ?? -1, path, offset, piece ?? asOne(bytes), bytes);
      }
      if (edited === undefined) releaseRows(job, module, row, rows);
    }
  } finally {
    for (const file of files.values()) closeSync(file);
    mapped.release(weight.name);
  }
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}

/** Where the rows of a band lie in a tensor: `pieces` of `bytes` each, from `start` on. */
interface Pieces {
  readonly start: number;
  readonly stride: number;
  readonly bytes: number;
}

/** Null: the tensor does not depend on the rows. */
function placeOf(layout: Layout, module: PlannedModule, index: number, row: number, rows: number): Pieces | null {
  const shapeOf = (count: number): readonly number[] => layout.tensors({ ...module, rows: count })[index]?.shape ?? [];
  const [all, band] = [shapeOf(module.rows), shapeOf(rows)];
  const axis = all.findIndex((size, at) => size !== band[at]);
  if (axis === -1) return null;
  const element = dtypeBytes(module.tensors[index]?.dtype ?? 'U8');
  const behind = all.slice(axis + 1).reduce((product, size) => product * size, element);
  const before = row === 0 ? 0 : (shapeOf(row)[axis] ?? 0);
  return { start: before * behind, stride: (all[axis] ?? 0) * behind, bytes: (band[axis] ?? 0) * behind };
}

/** The shape of the weight is that of the whole matrix; the groups of columns are those of every band. */
function constantOf({ module, rows, cols, tensors }: PlannedModule, index: number, data: readonly Uint8Array[]): Uint8Array {
  if (tensors[index]?.name === `${module}.${suffix.weightShape}`) return encodeInt64([rows, cols]);
  return data[index] ?? new Uint8Array();
}

function asOne(bytes: Uint8Array): Pieces {
  return { start: 0, stride: bytes.length, bytes: bytes.length };
}

function rowsOf(source: DenseSource, row: number, rows: number): DenseSource {
  const rowBytes = source.cols * (source.type === 'f32' ? 4 : 2);
  const [offset, length] = [row * rowBytes, rows * rowBytes];
  const data =
    source.data instanceof Uint8Array ? source.data.subarray(offset, offset + length) : { ...source.data, offset: source.data.offset + offset, length };
  return { ...source, rows, data };
}

function releaseRows({ mapped }: BandJob, { source: { weight }, cols }: PlannedModule, row: number, rows: number): void {
  const { file, offset } = mapped.place(weight.name);
  const rowBytes = cols * dtypeBytes(weight.dtype);
  file.release(offset + row * rowBytes, rows * rowBytes);
}

function openTarget(path: string): number {
  try {
    return openSync(path, 'r+');
  } catch (cause) {
    throw fileError('write', path, cause);
  }
}

/** Synchronous: thousands of small writes into the page cache, which a queue would make slower than they are. */
function writePieces(file: number, path: string, offset: number, { start, stride, bytes }: Pieces, data: Uint8Array): void {
  try {
    for (let piece = 0; piece * bytes < data.length; piece++) {
      let done = 0;
      while (done < bytes) done += writeSync(file, data, piece * bytes + done, bytes - done, offset + start + piece * stride + done);
    }
  } catch (cause) {
    throw fileError('write', path, cause);
  }
}
