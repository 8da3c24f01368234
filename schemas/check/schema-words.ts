// What a failing part of a schema says about itself (its annotations), and sentences for wrong types and wrong values.
import type { JsonSchema } from '../configs/json-schema.ts';
import type { JsonPath } from '../recipe/origin.ts';
import { nearestWord } from './nearest-word.ts';

export interface Notes {
  readonly code: string | null;
  readonly words: string | null;
  readonly fix: { readonly set?: unknown; readonly remove?: boolean } | null;
  readonly rule: string | null;
  readonly source: string | null;
  readonly synonyms: Readonly<Record<string, string>>;
  /** The default, where the part has one. */
  readonly fallback: { readonly value: unknown } | null;
}

/** Annotations nearest to the failing keyword. Words and fixes count only when they are the part's own; codes and sources are inherited. */
export function notesAt(schema: JsonSchema, schemaPath: string): Notes {
  const chain = partsAlong(schema, schemaPath);
  const own = chain.slice(-2).reverse();
  const inherit = <K extends keyof JsonSchema>(key: K): JsonSchema[K] | undefined => chain.findLast((part) => part[key] !== undefined)?.[key];
  const worded = own.find((part) => part['x-words'] !== undefined);
  return {
    code: inherit('x-code') ?? null,
    words: worded?.['x-words'] ?? null,
    fix: worded?.['x-fix'] ?? null,
    rule: worded?.['x-rule'] ?? inherit('x-rule') ?? null,
    source: inherit('x-source') ?? null,
    synonyms: inherit('x-synonyms') ?? {},
    fallback: chain.at(-1)?.default === undefined ? null : { value: chain.at(-1)?.default },
  };
}

/** The schema objects from the root to the failing keyword's value. */
function partsAlong(schema: JsonSchema, schemaPath: string): readonly JsonSchema[] {
  const chain: JsonSchema[] = [];
  let at: unknown = schema;
  for (const part of schemaPath.split('/').slice(1)) {
    at = valueAt(at, [Array.isArray(at) ? Number(part) : decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')]);
    if (typeof at === 'object' && at !== null && !Array.isArray(at)) {
      chain.push(at as JsonSchema);
    }
  }
  return chain;
}

export interface Said {
  readonly message: string;
  readonly suggestion: { readonly value: unknown } | null;
}

/** The schema that has the failing keyword; null when the path leads nowhere. */
export function partAt(schema: JsonSchema, schemaPath: string): JsonSchema | null {
  return partsAlong(schema, schemaPath.slice(0, schemaPath.lastIndexOf('/'))).at(-1) ?? null;
}

export function valueAt(value: unknown, path: JsonPath): unknown {
  let at = value;
  for (const step of path) {
    at = typeof at === 'object' && at !== null && Object.hasOwn(at, step) ? (at as Readonly<Record<string | number, unknown>>)[step] : undefined;
  }
  return at;
}

/** `fallback`: the value's default, which is what null was most likely meant to be. */
export function typeProblem(name: string, wanted: unknown, now: unknown, fallback: Notes['fallback']): Said {
  const types = (Array.isArray(wanted) ? wanted : [wanted]).map(String);
  const words = types.map((type) => TYPE_WORDS[type] ?? type).join(' or ');
  const given = now === null ? '' : `, ${TYPE_WORDS[typeOf(now)] ?? typeOf(now)}`;
  return { message: `${name} is ${show(now)}${given}; it must be ${words}.`, suggestion: now === null ? fallback : converted(types, now) };
}

export function enumProblem(name: string, allowed: unknown, synonyms: Readonly<Record<string, string>>, now: unknown): Said {
  const values = Array.isArray(allowed) ? allowed : [];
  const nearest = nearestValue(values, synonyms, now);
  const guess =
    nearest === undefined || values.length === 1
      ? ''
      : typeof nearest === 'number'
        ? ` The nearest is ${nearest}.`
        : ` Did you mean ${JSON.stringify(nearest)}?`;
  // null stands for a key that is left out: no word to choose.
  const list = values
    .filter((value) => value !== null || values.length === 1)
    .map((value) => JSON.stringify(value))
    .join(', ');
  return {
    message: `${name} is ${show(now)}; ${values.length === 1 ? 'it must be' : 'it is one of'} ${list}.${guess}`,
    suggestion: nearest === undefined ? null : { value: nearest },
  };
}

function nearestValue(values: readonly unknown[], synonyms: Readonly<Record<string, string>>, now: unknown): unknown {
  if (typeof now === 'number') {
    const numbers = values.filter((value) => typeof value === 'number');
    return [...numbers].sort((a, b) => Math.abs(a - now) - Math.abs(b - now) || a - b)[0];
  }
  if (typeof now !== 'string') {
    return undefined;
  }
  const meant = Object.hasOwn(synonyms, now) ? synonyms[now] : undefined;
  return meant !== undefined && values.includes(meant)
    ? meant
    : (nearestWord(
        now,
        values.filter((value) => typeof value === 'string'),
      ) ?? undefined);
}

export const TYPE_WORDS: Readonly<Record<string, string>> = {
  integer: 'an integer',
  number: 'a number',
  string: 'a string',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
};

function typeOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

/** The value in the right type, when it is plain what was meant: "128" -> 128, "true" -> true, 1 -> true. */
function converted(types: readonly string[], now: unknown): { readonly value: unknown } | null {
  const text = typeof now === 'string' ? now.trim() : null;
  const number = text !== null && text !== '' ? Number(text) : typeof now === 'number' ? now : Number.NaN;
  if (types.includes('integer') && Number.isInteger(number)) {
    return { value: number };
  }
  if (types.includes('number') && Number.isFinite(number)) {
    return { value: number };
  }
  if (types.includes('boolean')) {
    // An object of the text may have members named toString or valueOf: it is never turned into a string.
    const word = text?.toLowerCase() ?? (typeof now === 'number' ? String(now) : '');
    return word === 'true' || word === '1' || word === 'yes' ? { value: true } : word === 'false' || word === '0' || word === 'no' ? { value: false } : null;
  }
  return types.includes('array') && typeof now === 'string' ? { value: [now] } : null;
}

/** Values in messages stay short. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
