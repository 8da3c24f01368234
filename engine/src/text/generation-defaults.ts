// How a model wants to be sampled: generation_config.json, as its publisher ships it. Only what the file says; a caller's own values go before these.
// Source of the keys: transformers GenerationConfig. `temperature`, `top_p` ... count there only with `do_sample`, and so they do here.
import { join } from 'node:path';
import type { Sampling } from '@quantwright/schemas/rpc/engine';
import { isGgufPath } from '../checkpoint/gguf/file.ts';
import { readOptionalJsonObject } from '../checkpoint/json-file.ts';
import { limits } from '../checkpoint/limits.ts';
import { spell } from '../checkpoint/spell.ts';
import { EngineError } from '../errors.ts';

export type GenerationDefaults = Pick<Sampling, 'temperature' | 'topK' | 'topP' | 'minP' | 'repetitionPenalty' | 'maxTokens'>;

const keys = [
  { key: 'temperature', field: 'temperature', valid: (value: number) => value >= 0 && value <= 100, words: 'a number from 0 to 100' },
  { key: 'top_k', field: 'topK', valid: (value: number) => Number.isSafeInteger(value) && value >= 0, words: 'an integer from 0 (off)' },
  { key: 'top_p', field: 'topP', valid: (value: number) => value > 0 && value <= 1, words: 'a number above 0, up to 1' },
  { key: 'min_p', field: 'minP', valid: (value: number) => value >= 0 && value <= 1, words: 'a number from 0 to 1' },
  { key: 'repetition_penalty', field: 'repetitionPenalty', valid: (value: number) => value > 0 && value <= 100, words: 'a number above 0' },
  { key: 'max_new_tokens', field: 'maxTokens', valid: (value: number) => Number.isSafeInteger(value) && value > 0, words: 'a positive integer' },
] as const;

/** Empty without the file, and for a GGUF file. Temperature is 0 unless the file says `do_sample`, then its own or 1. Throws kind `checkpoint` for a value that cannot be meant. */
export async function readGenerationDefaults(directory: string): Promise<GenerationDefaults> {
  if (isGgufPath(directory)) return {};
  const file = join(directory, 'generation_config.json');
  const json = await readOptionalJsonObject(file, limits.configBytes);
  if (json === null) return {};
  const found: Record<string, number> = {};
  for (const { key, field, valid, words } of keys) {
    const value = json[key];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number' || !valid(value)) {
      throw new EngineError('checkpoint', `${file}: "${key}" is ${spell(value)}; it must be ${words}. Correct it, or remove the key`, { file });
    }
    found[field] = value;
  }
  const temperature = json['do_sample'] === true ? (found['temperature'] ?? 1) : 0;
  return { ...found, temperature };
}
