// The sampling options of `chat`: how commander reads them, and what they become.
import type { Sampling } from '@quantwright/schemas/rpc/engine';
import { type Command, InvalidArgumentError } from 'commander';
import { integer, number } from './option-values.ts';

export interface SamplingOptions {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly logitBias?: Readonly<Record<string, number>>;
  readonly stop?: readonly string[];
  readonly seed?: number;
  readonly maxTokens?: number;
}

export function addSamplingOptions(command: Command): Command {
  return command
    .option('--temperature <t>', "0 = always the most likely token (default: the model's generation_config.json, else 0)", number(0, 100))
    .option('--top-k <n>', 'only the n most likely tokens', integer(1))
    .option('--top-p <p>', 'only the most likely tokens that make up this probability', number(0, 1, 'above'))
    .option('--min-p <p>', 'only tokens at least this fraction as likely as the best', number(0, 1))
    .option('--repetition-penalty <f>', 'above 1: less repetition of the prompt and the answer', number(0, 100, 'above'))
    .option('--frequency-penalty <f>', 'above 0: less of what the answer said, for every time', number(-100, 100))
    .option('--presence-penalty <f>', 'above 0: less of what the answer said', number(-100, 100))
    .option('--logit-bias <id=bias>', 'added to the logit of a token, -100 to 100; may be repeated', logitBias)
    .option('--stop <text>', 'ends the answer before this text; may be repeated', stopText)
    .option('--seed <n>', 'equal seeds give equal answers', integer(0))
    .option('--max-tokens <n>', "longest answer (default: the model's, else 512)", integer(1));
}

export function samplingOf(options: SamplingOptions): Sampling {
  const { temperature, topK, topP, minP, repetitionPenalty, frequencyPenalty, presencePenalty, logitBias, stop, seed, maxTokens } = options;
  const given = { temperature, topK, topP, minP, repetitionPenalty, frequencyPenalty, presencePenalty, logitBias, stop, seed, maxTokens };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Filters of a drawing that does not happen. */
export function withoutEffect(options: SamplingOptions, temperature: number): string | null {
  if (temperature > 0) return null;
  const given = { '--top-k': options.topK, '--top-p': options.topP, '--min-p': options.minP, '--seed': options.seed };
  const idle = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  return idle.length === 0 ? null : `${idle.join(', ')} ${idle.length === 1 ? 'has' : 'have'} no effect at temperature 0; add --temperature 0.7, for example`;
}

function logitBias(text: string, before: Readonly<Record<string, number>> = {}): Readonly<Record<string, number>> {
  const [, id, bias] = /^(\d+)=(-?\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (id === undefined || !(Math.abs(Number(bias)) <= 100))
    throw new InvalidArgumentError('It must be a token id and a number from -100 to 100, such as 42=-100.');
  return { ...before, [Number(id)]: Number(bias) };
}

function stopText(text: string, before: readonly string[] = []): readonly string[] {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return [...before, text];
}
