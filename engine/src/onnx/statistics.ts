// How large the values are that matrices of an ONNX graph read on calibration sequences: the float graph runs with those values as outputs, and our observe op
// looks at each. Values of a few inputs come out at a time; the sequences run again for the next ones.
import type { NativeBinding, Program } from '@quantwright/native/binding';
import { EngineError } from '../errors.ts';
import { type InputStatistic, observedInput, rangedInputs } from '../methods/w8a8_static/observed.ts';
import type { OnnxInputs } from './inputs.ts';
import type { OnnxLinear } from './linears.ts';
import type { OnnxModel } from './model.ts';
import type { OnnxRuntime } from './runtime.ts';
import { openWatched, type WatchedModel } from './watched.ts';

export interface OnnxStatisticsOptions {
  readonly sequences: readonly Int32Array[];
  /** Bytes of values that may come out of a run; those of one input do in any case. */
  readonly budgetBytes: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (sequencesDone: number) => void;
}

/** `linears`: in the order of the graph. `smoothed`: what the channels of values are divided by first. Throws as `openWatched` and `observedValues`. */
export async function openOnnxStatistics(
  runtime: OnnxRuntime,
  binding: NativeBinding,
  model: OnnxModel,
  linears: readonly OnnxLinear[],
  {
    statistic,
    smoothed = new Map(),
    ...options
  }: OnnxStatisticsOptions & { readonly statistic: InputStatistic; readonly smoothed?: ReadonlyMap<string, Float32Array> },
): Promise<OnnxInputs> {
  const watched = await openWatched(runtime, binding, model, linears);
  const lengths = options.sequences.map((sequence) => sequence.length);
  try {
    const found = await observedValues(binding, watched, [...watched.widths.keys()], statistic, { ...options, smoothed });
    const observed = new Map(
      [...found].map(([name, values]) => {
        const statistics = observedInput(values, statistic.kind, lengths);
        if (statistics === null)
          throw new EngineError('input', `${model.file}: the value ${name} is not a finite number (NaN or infinity) for the calibration text`, {
            tensor: name,
          });
        return [name, statistics];
      }),
    );
    return {
      of: async ({ node }) => {
        const statistics = observed.get(node.input[0] ?? '');
        if (statistics === undefined) throw new Error(`${node.input[0]} is no input of a linear`);
        return rangedInputs(statistics);
      },
      close: async () => {},
    };
  } finally {
    await watched.close();
  }
}

/** What the observe op of that kind gives for each of the values. */
export async function observedValues(
  binding: NativeBinding,
  { widths, run }: Pick<WatchedModel, 'widths' | 'run'>,
  names: readonly string[],
  statistic: InputStatistic | { readonly kind: 'absmax' },
  { sequences, smoothed, budgetBytes, signal, onProgress }: OnnxStatisticsOptions & { readonly smoothed: ReadonlyMap<string, Float32Array> },
): Promise<ReadonlyMap<string, Float32Array>> {
  const longest = Math.max(1, ...sequences.map((sequence) => sequence.length));
  const found = new Map<string, Float32Array>();
  for (let from = 0; from < names.length; from = found.size) {
    const programs = new Map<string, Program>();
    let bytes = 0;
    for (const name of names.slice(from)) {
      const width = widths.get(name) ?? 0;
      bytes += 4 * width * longest;
      if (programs.size > 0 && bytes > budgetBytes) break;
      const body = [{ op: 'observe', in: 0, slot: 0, ...statistic }] as const;
      programs.set(name, binding.createProgram({ input: 'hidden', values: [width], body, head: [], output: 0 }));
    }
    for (const [index, ids] of sequences.entries()) {
      signal?.throwIfAborted();
      const values = await run(ids, [...programs.keys()]);
      for (const [name, program] of programs) {
        const scaled = divided(values.get(name) ?? new Float32Array(), smoothed.get(name));
        await program.run(program.createSession(longest, 'f32'), scaled, 'none');
      }
      onProgress(index + 1);
    }
    for (const [name, program] of programs) found.set(name, program.observed(0) ?? new Float32Array());
  }
  return found;
}

function divided(values: Float32Array, divisors: Float32Array | undefined): Float32Array {
  return divisors === undefined ? values : values.map((value, at) => value / (divisors[at % divisors.length] ?? 1));
}
