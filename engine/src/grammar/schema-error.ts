// Refusals of JSON schemas, always with the place in the schema as a JSON pointer (RFC 6901).
import { EngineError } from '../errors.ts';

export function schemaError(pointer: string, words: string): EngineError {
  return new EngineError('input', `JSON schema, ${pointer === '' ? 'at its root' : `at ${pointer}`}: ${words}`);
}

export function below(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** The value that a pointer names, or undefined. */
export function resolvePointer(root: unknown, pointer: string): unknown {
  let value = root;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}
