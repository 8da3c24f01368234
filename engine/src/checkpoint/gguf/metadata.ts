// Typed access to the metadata of a GGUF file. Every refusal names file and key.
import { EngineError } from '../../errors.ts';
import { spell } from '../spell.ts';
import type { GgufValue } from './bytes.ts';

/** All methods throw kind `checkpoint` for a value of another type; null: the key is not there. */
export interface GgufMetadata {
  readonly file: string;
  text(key: string): string | null;
  number(key: string): number | null;
  /** An integer from 0. */
  count(key: string): number | null;
  flag(key: string): boolean | null;
  texts(key: string): readonly string[] | null;
  numbers(key: string): readonly number[] | null;
  /** Throws kind `checkpoint` with what `key` must be. */
  refuse(key: string, wanted: string): never;
}

export function ggufMetadata(values: ReadonlyMap<string, GgufValue>, file: string): GgufMetadata {
  const refuse = (key: string, wanted: string): never => {
    const value = values.get(key);
    throw new EngineError('checkpoint', `${file}: metadata ${key} ${value === undefined ? 'is missing' : `is ${spell(value)}`}; it must be ${wanted}`, {
      file,
    });
  };
  const typed = <T extends GgufValue>(key: string, wanted: string, is: (value: GgufValue) => value is T): T | null => {
    const value = values.get(key);
    return value === undefined ? null : is(value) ? value : refuse(key, wanted);
  };
  return {
    file,
    refuse,
    text: (key) => typed(key, 'a text', (value) => typeof value === 'string'),
    number: (key) => typed(key, 'a number', (value): value is number => typeof value === 'number' && Number.isFinite(value)),
    count: (key) => typed(key, 'an integer from 0', (value): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0),
    flag: (key) => typed(key, 'true or false', (value) => typeof value === 'boolean'),
    texts: (key) =>
      typed(key, 'a list of texts', (value): value is readonly string[] => Array.isArray(value) && (value.length === 0 || typeof value[0] === 'string')),
    numbers: (key) =>
      typed(key, 'a list of numbers', (value): value is readonly number[] => Array.isArray(value) && (value.length === 0 || typeof value[0] === 'number')),
  };
}
