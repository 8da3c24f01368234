// Times of the products y [m, n] = x [m, k] W^T of every codec beside those of an f16 matrix, in this process and by the programs that models run. Copies of a
// weight take turns, so that none is read from a cache that a model would not have; medians.
import type { NativeBinding, Op, Weight } from '@quantwright/native/binding';
import type { KernelsResult } from '@quantwright/schemas/runs/results';
import { EngineError } from '../errors.ts';
import { collectGarbage } from '../jobs/collect-garbage.ts';
import { baseCodec, benchCodecs } from './codecs.ts';

export interface KernelShape {
  /** Outputs. */
  readonly n: number;
  /** Inputs. */
  readonly k: number;
}

export interface KernelBenchOptions {
  readonly binding: NativeBinding;
  readonly shapes: readonly KernelShape[];
  /** Rows of x. */
  readonly rows: readonly number[];
  readonly codecs: readonly string[];
  /** Of each figure the median of so many windows of at least `windowMs` is taken. */
  readonly windows?: number;
  readonly windowMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doing: string) => void;
}

/** Bytes of the copies of a weight: more than the last-level cache of most processors. */
const coldBytes = 64 * 2 ** 20;
const mostCopies = 32;
/** Bytes of f16 of the largest matrix that is timed. */
const mostBytes = 2 ** 31;

/** Throws kind `input` for codecs and shapes that cannot be timed. */
export async function benchKernels(options: KernelBenchOptions): Promise<KernelsResult> {
  for (const codec of options.codecs) {
    if (benchCodecs[codec] === undefined)
      throw new EngineError('input', `there is no codec "${codec}" to time; there are ${Object.keys(benchCodecs).join(', ')}`);
  }
  for (const { n, k } of options.shapes) {
    if (n * k * 2 > mostBytes) throw new EngineError('input', `a matrix of ${n} x ${k} is larger than the ${mostBytes / 2 ** 30} GiB that are timed`);
    if (k % 64 !== 0 || n % 32 !== 0) throw new EngineError('input', `${n} x ${k}: n must be a multiple of 32 and k of 64, as groups of the codecs are`);
  }
  const rows: KernelsResult['rows'][number][] = [];
  for (const shape of options.shapes) {
    const base = new Map<number, number>();
    for (const codec of [baseCodec, ...options.codecs.filter((name) => name !== baseCodec)]) {
      options.onProgress?.(`${codec} ${shape.n} x ${shape.k}`);
      const times = await timesOf(codec, shape, options);
      await collectGarbage();
      for (const [m, microseconds] of times) {
        if (codec === baseCodec) base.set(m, microseconds);
        rows.push({ m, ...shape, codec, microseconds, ratio: (base.get(m) ?? microseconds) / microseconds });
      }
    }
  }
  return { baseline: baseCodec, rows };
}

/** Microseconds of one product, by rows of x. */
async function timesOf(codec: string, { n, k }: KernelShape, options: KernelBenchOptions): Promise<ReadonlyMap<number, number>> {
  const { binding, signal, windows = 5, windowMs = 40 } = options;
  const make = benchCodecs[codec];
  if (make === undefined) throw new Error(`no codec ${codec}`);
  const random = randomBits(7);
  const spec = make(n, k, random);
  const copies: Weight[] = [await binding.createWeight(spec)];
  const wanted = Math.min(mostCopies, Math.ceil(coldBytes / Math.max(1, copies[0]?.bytes ?? 1)));
  while (copies.length < wanted) {
    signal?.throwIfAborted();
    // A dense matrix is used where it lies: a copy needs bytes of its own.
    copies.push(await binding.createWeight(spec.codec === 'dense' && spec.data instanceof Uint8Array ? { ...spec, data: spec.data.slice() } : spec));
  }
  const body = copies.map((weight): Op => ({ op: 'linear', in: 0, out: 1, weight }));
  const program = binding.createProgram({ input: 'hidden', values: [k, n], body, head: [], output: 1 });
  const times = new Map<number, number>();
  for (const m of options.rows) {
    const x = Float32Array.from({ length: m * k }, () => (random() & 0xffff) / 32768 - 1);
    const session = program.createSession(m, 'f32');
    const pass = async (): Promise<void> => {
      signal?.throwIfAborted();
      session.truncate(0);
      await program.run(session, x, 'none');
    };
    await pass();
    const found: number[] = [];
    for (let window = 0; window < windows; window++) {
      const started = performance.now();
      let passes = 0;
      do {
        await pass();
        passes++;
      } while (performance.now() - started < windowMs);
      found.push((1000 * (performance.now() - started)) / (passes * copies.length));
    }
    times.set(m, found.sort((a, b) => a - b)[found.length >> 1] ?? 0);
  }
  return times;
}

/** 16 bits at a time; the same at every call of the command (Numerical Recipes' linear congruence). */
function randomBits(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 16;
  };
}
