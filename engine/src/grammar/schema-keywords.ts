// The keywords of JSON Schema (draft 7 to 2020-12) that grammars keep, and what they may stand with. All others are refused: an answer must not look valid
// and not be.
import { isJsonObject, type JsonObject } from '../checkpoint/json-file.ts';
import { spell } from '../checkpoint/spell.ts';
import { below, schemaError } from './schema-error.ts';

export type TypeName = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';
export const typeNames: readonly TypeName[] = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

/** Say something to people or name a place; change no verdict. */
const annotations = new Set(
  '$schema $id $comment $defs definitions title description default examples deprecated readOnly writeOnly contentMediaType contentEncoding'.split(' '),
);
/** Keywords that decide alone. */
const deciders = ['$ref', 'const', 'enum', 'anyOf', 'oneOf', 'allOf'] as const;
export type Decider = (typeof deciders)[number];

const ofType: Readonly<Record<string, readonly TypeName[]>> = {
  properties: ['object'],
  required: ['object'],
  additionalProperties: ['object'],
  items: ['array'],
  prefixItems: ['array'],
  minItems: ['array'],
  maxItems: ['array'],
  minLength: ['string'],
  maxLength: ['string'],
  pattern: ['string'],
  format: ['string'],
  minimum: ['number', 'integer'],
  maximum: ['number', 'integer'],
  exclusiveMinimum: ['number', 'integer'],
  exclusiveMaximum: ['number', 'integer'],
};

export interface Keywords {
  readonly decider: Decider | null;
  /** Types whose values the schema may allow. */
  readonly types: readonly TypeName[];
  /** Whether `types` comes from the schema (or from its keywords). */
  readonly typed: boolean;
}

/** Throws kind `input` with the place of the first keyword that cannot be kept. */
export function readKeywords(schema: JsonObject, pointer: string): Keywords {
  const given = Object.keys(schema).filter((key) => !annotations.has(key));
  const decider = deciders.find((key) => Object.hasOwn(schema, key)) ?? null;
  for (const key of given) {
    const known = key === 'type' || Object.hasOwn(ofType, key) || deciders.some((name) => name === key);
    if (!known)
      throw schemaError(below(pointer, key), `the keyword ${spell(key)} cannot be kept while an answer is written; remove it, or check it afterwards`);
    const alone = decider === null || key === decider || (key === 'type' && decider !== '$ref');
    if (!alone) {
      throw schemaError(below(pointer, key), `${spell(key)} beside ${spell(decider)} cannot be kept; write what both mean as one schema`);
    }
  }
  const type = schema['type'];
  const inferred = given.flatMap((key) => ofType[key] ?? []);
  if (type === undefined) return { decider, types: inferred.length > 0 ? [...new Set(inferred)] : typeNames, typed: inferred.length > 0 };
  const types = typeNames.filter((name) => (Array.isArray(type) ? type.includes(name) : type === name));
  if (types.length === 0 || (Array.isArray(type) && types.length !== type.length)) {
    throw schemaError(below(pointer, 'type'), `${spell(type)} is no type; types are ${typeNames.join(', ')}`);
  }
  return { decider, types, typed: true };
}

export function typeOf(value: unknown): TypeName {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return isJsonObject(value) ? 'object' : typeof value === 'string' ? 'string' : 'boolean';
}

export function isOfType(value: unknown, types: readonly TypeName[]): boolean {
  const own = typeOf(value);
  return types.includes(own) || (own === 'integer' && types.includes('number'));
}

/** A count keyword, or what stands for its absence. */
export function countOf<Absent>(schema: JsonObject, pointer: string, key: string, absent: Absent): number | Absent {
  const value = schema[key];
  if (value === undefined) return absent;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw schemaError(below(pointer, key), `it is ${spell(value)}; it must be an integer from 0`);
}
