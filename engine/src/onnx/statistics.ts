// How large the values are that matrices of an ONNX graph read on calibration sequences: the float graph runs with those values as outputs, and our observe op
// looks at each. Values of a few inputs come out at a time; the sequences run again for the next ones.
import type { NativeBinding, Program } from '@quantwright/native/binding';
import { EngineError } from '../errors.ts';
import { type InputStatistic, type ObservedInput, observedInput, rangedInputs } from '../methods/w8a8_static/observed.ts';
import type { OnnxInputs } from './inputs.ts';
import type { OnnxLinear } from './linears.ts';
import type { OnnxModel } from './model.ts';
import type { OnnxRuntime } from './runtime.ts';
import { openWatched } from './watched.ts';

export interface OnnxStatisticsOptions {
  readonly sequences: readonly Int32Array[];
  readonly statistic: InputStatistic;
  /** Bytes of values that may come out of a run; those of one input do in any case. */
  readonly budgetBytes: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (sequencesDone: number) => void;
}

/** `linears`: in the order of the graph. Throws as `openWatched`, and kind `input` for values that are not finite. */
export async function openOnnxStatistics(
  runtime: OnnxRuntime,
  binding: NativeBinding,
  model: OnnxModel,
  linears: readonly OnnxLinear[],
  { sequences, statistic, budgetBytes, signal, onProgress }: OnnxStatisticsOptions,
): Promise<OnnxInputs> {
  const watched = await openWatched(runtime, binding, model, linears);
  const longest = Math.max(1, ...sequences.map((sequence) => sequence.length));
  const lengths = sequences.map((sequence) => sequence.length);
  const known = new Map<string, ObservedInput>();
  const collect = async (from: string): Promise<void> => {
    const programs = new Map<string, Program>();
    let bytes = 0;
    for (const [name, width] of [...watched.widths].slice([...watched.widths.keys()].indexOf(from))) {
      bytes += 4 * width * longest;
      if (programs.size > 0 && bytes > budgetBytes) break;
      programs.set(
        name,
        binding.createProgram({ input: 'hidden', values: [width], body: [{ op: 'observe', in: 0, slot: 0, ...statistic }], head: [], output: 0 }),
      );
    }
    for (const [index, ids] of sequences.entries()) {
      signal?.throwIfAborted();
      const values = await watched.run(ids, [...programs.keys()]);
      for (const [name, program] of programs) await program.run(program.createSession(longest, 'f32'), values.get(name) ?? new Float32Array(), 'none');
      onProgress(index + 1);
    }
    for (const [name, program] of programs) {
      const observed = observedInput(program.observed(0) ?? new Float32Array(), statistic.kind, lengths);
      if (observed === null)
        throw new EngineError('input', `${model.file}: the value ${name} is not a finite number (NaN or infinity) for the calibration text`, { tensor: name });
      known.set(name, observed);
    }
  };
  return {
    of: async ({ node }) => {
      const name = node.input[0] ?? '';
      if (!known.has(name)) await collect(name);
      const observed = known.get(name);
      if (observed === undefined) throw new Error(`${name} is no input of a linear`);
      return rangedInputs(observed);
    },
    close: () => watched.close(),
  };
}
