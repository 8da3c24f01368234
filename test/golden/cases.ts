// Golden cases: what independent reference code computed, with the tolerance each output must meet.
// A small part lies in test/golden/data; the whole set in ../shared/golden of a development checkout. Reads F32 and I32 tensors only, which is all they hold.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tolerance } from './tolerance.ts';

export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

export interface GoldenCase {
  readonly case: string;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly file: string;
  readonly tolerance: Readonly<Record<string, Tolerance>>;
  /** dtype that the reference held, per tensor. */
  readonly tensors: Readonly<Record<string, { readonly shape: readonly number[]; readonly orig_dtype: string }>>;
  /** Directory that `file` is relative to. */
  readonly root: string;
}

const project = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const wholeSet = join(project, '..', 'shared', 'golden');
const kept = join(project, 'test', 'golden', 'data');

/** Cases of a method: all of them where ../shared is there, else those kept in the repository. `whole` says which. */
export function goldenCases(method: string): { readonly cases: readonly GoldenCase[]; readonly whole: boolean } {
  const whole = existsSync(join(wholeSet, 'index.json'));
  const root = whole ? wholeSet : kept;
  const index = JSON.parse(readFileSync(join(root, 'index.json'), 'utf8')) as { readonly cases: readonly Omit<GoldenCase, 'root'>[] };
  return { cases: index.cases.filter((row) => row.method === method).map((row) => ({ ...row, root })), whole };
}

/** Every tensor of a case by name (in.weight, out.codes ...). */
export function goldenTensors(golden: GoldenCase): ReadonlyMap<string, GoldenTensor> {
  const bytes = readFileSync(join(golden.root, golden.file));
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  const tensors = new Map<string, GoldenTensor>();
  for (const [name, row] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [begin, end] = row.data_offsets;
    // A copy, because a typed array needs an aligned start.
    const raw = new Uint8Array(bytes.subarray(8 + headerBytes + begin, 8 + headerBytes + end)).buffer;
    if (row.dtype !== 'F32' && row.dtype !== 'I32') throw new Error(`${golden.file}: ${name} is ${row.dtype}; golden files hold F32 and I32`);
    tensors.set(name, { shape: row.shape, data: row.dtype === 'F32' ? new Float32Array(raw) : new Int32Array(raw) });
  }
  return tensors;
}

/** A tensor that the case must have. */
export function goldenTensor(tensors: ReadonlyMap<string, GoldenTensor>, name: string): GoldenTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`the golden case has no tensor ${name}; it has ${[...tensors.keys()].join(', ')}`);
  return tensor;
}

/** [k, n] -> [n, k], for weights that the reference keeps as [in, out]. */
export function transposed<T extends Float32Array | Int32Array>(data: T, rows: number, cols: number): T {
  const out = data.slice() as T;
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) out[c * rows + r] = data[r * cols + c] ?? Number.NaN;
  return out;
}
