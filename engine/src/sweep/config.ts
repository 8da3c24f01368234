// The config of a sweep: which models, how they are quantized, what is measured. Parsed whole before any work; every slip is told with its place.
//   { "name": "quill", "models": ["../models/quill-16m"], "quantize": ["gptq.quant.json"],
//     "measure": [{ "command": "eval ppl", "options": { "text": "a.txt", "window": 512 }, "kvCaches": ["f32", "f16"] }] }
// Paths are relative to the config's folder, where all commands run. "$original" in an option is the model that was quantized.
import { EngineError } from '../errors.ts';

export type OptionValue = string | number | boolean | readonly string[];

export interface Measurement {
  /** "eval ppl", "eval tasks", "compare" ... */
  readonly command: string;
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Each is a run of its own, as --kv-cache spells it; empty: the command's own default. */
  readonly kvCaches: readonly string[];
}

export interface SweepConfig {
  readonly name: string;
  readonly models: readonly string[];
  readonly quantize: readonly string[];
  readonly measure: readonly Measurement[];
}

export const originalPlaceholder = '$original';
const keys = new Set(['$schema', 'name', 'models', 'quantize', 'measure']);
const measurementKeys = new Set(['command', 'options', 'kvCaches']);
const commands = /^(eval [a-z]+|compare)$/;

/** `file`: for messages. Throws kind `input`. */
export function parseSweepConfig(text: string, file: string): SweepConfig {
  const refuse = (where: string, what: string): never => {
    throw new EngineError('input', `${file}: ${where} ${what}`, { file });
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EngineError('input', `${file} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { file, cause });
  }
  const config = isObject(value) ? value : refuse('the sweep', 'must be an object with "name", "models" and "measure"');
  for (const key of Object.keys(config)) if (!keys.has(key)) refuse(`"${key}"`, `is not known here; known are ${[...keys].join(', ')}`);
  const name = config['name'];
  if (typeof name !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return refuse('"name"', 'must be a word of letters, digits, ".", "_" and "-"');
  const strings = (key: string, from: unknown): readonly string[] =>
    Array.isArray(from) && from.every((one): one is string => typeof one === 'string' && one !== '') ? from : refuse(`"${key}"`, 'must be a list of texts');
  const models = strings('models', config['models']);
  if (models.length === 0) refuse('"models"', 'names no model');
  const listed: unknown = config['measure'];
  if (!Array.isArray(listed) || listed.length === 0) return refuse('"measure"', 'must be a list of at least one measurement');
  const measure = listed.map((one: unknown, at): Measurement => {
    const where = `"measure" ${at + 1}`;
    if (!isObject(one)) return refuse(where, 'must be an object with "command" and "options"');
    for (const key of Object.keys(one)) if (!measurementKeys.has(key)) refuse(where, `has "${key}"; known are ${[...measurementKeys].join(', ')}`);
    const command = one['command'];
    if (typeof command !== 'string' || !commands.test(command)) return refuse(where, 'needs a "command" such as "eval ppl" or "compare"');
    const options: unknown = one['options'] ?? {};
    if (!isObject(options)) return refuse(where, '"options" must be an object');
    for (const [key, option] of Object.entries(options))
      if (!isOption(option)) refuse(where, `option "${key}" must be a text, a number, true or a list of texts`);
    return { command, options: options as Measurement['options'], kvCaches: strings('kvCaches', one['kvCaches'] ?? []) };
  });
  return { name, models, quantize: strings('quantize', config['quantize'] ?? []), measure };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOption(value: unknown): value is OptionValue {
  if (Array.isArray(value)) return value.every((one) => typeof one === 'string');
  return typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
}
