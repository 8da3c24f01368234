// The token sequences that a method is calibrated on, cut from one text file. Deterministic: the same text gives the same sequences.
import { EngineError } from '../errors.ts';
import { readTextFile } from '../eval/text-file.ts';
import type { Tokenizer } from '../text/tokenizer.ts';

export interface SampleOptions {
  /** Sequences that are wanted. */
  readonly samples: number;
  /** Tokens of one. */
  readonly sequenceLength: number;
  /** Positions that the model has. */
  readonly contextLength: number;
}

export interface CalibrationSamples {
  readonly sequences: readonly Int32Array[];
  /** What differs from what was asked for, for people. */
  readonly warnings: readonly string[];
}

/** Fewer tokens say nothing about how inputs hang together. */
const fewestTokens = 16;

/** Throws kind `input` when the file cannot be read or has too few tokens. */
export async function readSamples(file: string, tokenizer: Tokenizer, options: SampleOptions): Promise<CalibrationSamples> {
  const ids = tokenizer.encode(await readTextFile(file), { specialTokens: true });
  if (ids.length < fewestTokens) {
    throw new EngineError('input', `${file} has ${ids.length} tokens, too few to calibrate with; give a text of some thousand words`, { file });
  }
  return cutSamples(ids, options, file);
}

/** Sequences without overlap, spread evenly over the text. `file`: for warnings. */
export function cutSamples(ids: Int32Array, { samples, sequenceLength, contextLength }: SampleOptions, file: string): CalibrationSamples {
  const warnings: string[] = [];
  const fitting = Math.min(sequenceLength, contextLength);
  if (fitting < sequenceLength) warnings.push(`calibration sequences are cut from ${sequenceLength} to the ${contextLength} positions of the model`);
  const length = Math.min(fitting, ids.length);
  const possible = Math.floor(ids.length / length);
  const count = Math.min(samples, possible);
  if (count < samples)
    warnings.push(`${file} gives ${count} of ${samples} calibration sequences of ${length} tokens; a longer text makes the result more general`);
  const sequences = Array.from({ length: count }, (_, index) => {
    const begin = Math.floor((index * possible) / count) * length;
    return ids.slice(begin, begin + length);
  });
  return { sequences, warnings };
}
