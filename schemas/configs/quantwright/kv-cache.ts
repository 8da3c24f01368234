// kv_cache of a *.quant.json: what chats and measurements of the written model keep keys and values in.
import { type KvSetting, readKvSetting } from '../../kv/setting.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { LowerProblem } from '../config-format.ts';
import type { Fields } from '../fields.ts';

/** Nothing where the key is absent or cannot be read. */
export function readKvCache(fields: Fields): { readonly kvSetting?: KvSetting } {
  const read = readOf(fields);
  return read !== null && 'setting' in read ? { kvSetting: read.setting } : {};
}

/** What the schema cannot say: options of other methods, and lengths that do not go together. */
export function kvCacheProblems(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const read = readOf(fields);
  if (read === null || 'setting' in read || read.option === null) return [];
  const given = fields.object('kv_cache') ?? {};
  // A length that is not said does not go with the groups that are.
  const key = Object.hasOwn(given, read.option) ? read.option : 'group_size';
  return SOUND[key]?.(given[key]) === true ? [{ code: 'QC013', path: [...path, 'kv_cache', key], message: `${read.problem}.` }] : [];
}

/** The schema tells of unknown methods and keys, and of values out of range. */
function readOf(fields: Fields): ReturnType<typeof readKvSetting> | null {
  const given = fields.object('kv_cache');
  if (given === null || typeof given['method'] !== 'string') return null;
  const { method, ...options } = given;
  return readKvSetting(method, options);
}

const sixteens = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 16 && Number(value) % 16 === 0;
const flag = (value: unknown): boolean => typeof value === 'boolean';
const oneOf =
  (...values: readonly unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value);
/** Values that the schema has nothing against. */
const SOUND: Readonly<Record<string, (value: unknown) => boolean>> = {
  bits: oneOf(2, 3, 4, 8),
  key_bits: oneOf(2, 4),
  value_bits: oneOf(2, 4),
  base_bits: oneOf(8, 16),
  group_size: sixteens,
  residual_length: sixteens,
  quantize_prefill: flag,
};
