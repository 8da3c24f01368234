// Validator errors -> problems at a place in the config, in words for people, with the legal values and the change that settles it.
// Codes, special wording and fixes come from the annotations of schema.json (x-code, x-words, x-fix ...).

import { isObject } from '../configs/fields.ts';
import type { JsonSchema } from '../configs/json-schema.ts';
import { schemaAt } from '../configs/schema-at.ts';
import type { SchemaError, SchemaValidate } from '../configs/schema-problem.ts';
import type { JsonPath } from '../recipe/origin.ts';
import type { Fix } from './finding.ts';
import { translate } from './foreign-keys.ts';
import { alternativesProblem, meantErrors } from './schema-alternatives.ts';
import { enumProblem, type Notes, notesAt, partAt, type Said, show, typeProblem, valueAt } from './schema-words.ts';

export interface SchemaProblem {
  readonly code: string;
  /** Of the value in question; for an unknown key, of the member; for a missing one, of the object. */
  readonly path: JsonPath;
  readonly keyword: string;
  /** The unknown or missing key. */
  readonly key: string | null;
  readonly message: string;
  readonly fixes: readonly Fix[];
  readonly supportRule: string | null;
  readonly source: string | null;
}

/** Keywords that only say that one of their parts failed; of anyOf and oneOf the part that was meant is kept (schema-alternatives.ts). */
const WRAPPERS = ['if', 'allOf'];
/** Of several problems of one value the first kind is the one to tell. */
const RANK = ['type', 'const', 'not', 'enum'];

/** `root`: path of the config object in the file. One problem for each value; unknown and missing keys each on their own. */
export function schemaProblems(schema: JsonSchema, validate: SchemaValidate, value: unknown, root: JsonPath): readonly SchemaProblem[] {
  if (validate(value)) {
    return [];
  }
  const worded = (schemaPath: string): boolean => partAt(schema, schemaPath)?.['x-words'] !== undefined;
  const errors = meantErrors(validate.errors ?? [], worded).filter((error) => !WRAPPERS.includes(error.keyword));
  const ranked = [...errors].sort((a, b) => rank(a) - rank(b));
  const seen = new Set<string>();
  return ranked.flatMap((error) => {
    const problem = problemOf(schema, error, value, root);
    const place = `${problem.keyword === 'required' ? 'missing' : ''} ${JSON.stringify(problem.path)} ${problem.key ?? ''}`;
    const fresh = !seen.has(place);
    seen.add(place);
    return fresh ? [problem] : [];
  });
}

function rank(error: SchemaError): number {
  const index = RANK.indexOf(error.keyword);
  return index < 0 ? RANK.length : index;
}

function problemOf(schema: JsonSchema, error: SchemaError, value: unknown, root: JsonPath): SchemaProblem {
  const notes = notesAt(schema, error.schemaPath);
  const inner = pathOf(error.instancePath, value);
  const base = { path: [...root, ...inner], keyword: error.keyword, key: null, code: notes.code ?? 'QC013', supportRule: notes.rule, source: notes.source };
  const name = inner.length === 0 ? 'The config' : `"${inner.at(-1)}"`;
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params['additionalProperty']);
    return { ...base, code: 'QC012', path: [...base.path, key], key, message: `"${key}" is not a key of this format.`, fixes: [] };
  }
  if (error.keyword === 'required') {
    const key = String(error.params['missingProperty']);
    const ownNotes = notes.code === null ? codeOfProperty(schema, key) : notes.code;
    const other = otherName(key, valueAt(value, inner), schemaAt(schema, inner) ?? {});
    const own = fixesFrom(notes, [...base.path, key], key);
    return {
      ...base,
      code: ownNotes ?? 'QC013',
      key,
      message: (notes.words ?? `"${key}" is missing.`) + (other === null ? '' : ` "${other}" stands in its place.`),
      fixes:
        other === null ? own : [{ title: `Rename "${other}" to "${key}"`, edits: [{ kind: 'rename', path: [...base.path, other], key }], preferred: true }],
    };
  }
  const now = valueAt(value, inner);
  const said = wordsOf(schema, error, notes, name, now);
  const own = fixesFrom(notes, base.path, String(inner.at(-1) ?? ''));
  return { ...base, message: notes.words ?? said.message, fixes: own.length > 0 ? own : fixTo(said.suggestion, base.path, String(inner.at(-1) ?? '')) };
}

/** The key of `object` that says in another tool's words what the missing one would; null when there is none, or when its value would change. */
function otherName(missing: string, object: unknown, schema: JsonSchema): string | null {
  const members = isObject(object) ? Object.entries(object) : [];
  const known = schema.properties ?? {};
  const same = ([key, value]: readonly [string, unknown]): boolean => {
    const meant = Object.hasOwn(known, key) ? null : translate(key, value, schema);
    return meant?.key === missing && meant.value === value;
  };
  return members.find(same)?.[0] ?? null;
}

function wordsOf(schema: JsonSchema, error: SchemaError, notes: Notes, name: string, now: unknown): Said {
  const { params } = error;
  switch (error.keyword) {
    case 'type':
      return typeProblem(name, params['type'], now, notes.fallback);
    case 'enum':
      return enumProblem(name, params['allowedValues'], notes.synonyms, now);
    case 'const':
      return { message: `${name} must be ${JSON.stringify(params['allowedValue'])} here.`, suggestion: { value: params['allowedValue'] } };
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return {
        message: `${name} is ${JSON.stringify(now)}; it must be ${String(params['comparison'])} ${String(params['limit'])}.`,
        suggestion: notes.fallback,
      };
    case 'multipleOf':
      return { message: `${name} is ${JSON.stringify(now)}; it must be a multiple of ${String(params['multipleOf'])}.`, suggestion: null };
    case 'minItems':
    case 'maxItems':
      return {
        message: `${name} has ${count(now)}; it must have ${error.keyword === 'minItems' ? 'at least' : 'at most'} ${String(params['limit'])}.`,
        suggestion: notes.fallback,
      };
    case 'pattern':
      return { message: `${name} is ${show(now)}, which is not of the form ${String(params['pattern'])}.`, suggestion: notes.fallback };
    case 'alternatives':
      return alternativesProblem(name, partAt(schema, error.schemaPath), now);
    default:
      return { message: `${name} has a value that is not allowed here (${JSON.stringify(now)}).`, suggestion: null };
  }
}

function count(now: unknown): string {
  const length = Array.isArray(now) ? now.length : 0;
  return length === 0 ? 'no entry' : length === 1 ? '1 entry' : `${length} entries`;
}

function fixesFrom(notes: Notes, path: JsonPath, key: string): readonly Fix[] {
  if (notes.fix === null) {
    return [];
  }
  return notes.fix.remove === true
    ? [{ title: `Remove "${key}"`, edits: [{ kind: 'remove', path }], preferred: true }]
    : fixTo({ value: notes.fix.set }, path, key);
}

function fixTo(suggestion: Said['suggestion'], path: JsonPath, key: string): readonly Fix[] {
  return suggestion === null
    ? []
    : [{ title: `Set "${key}" to ${JSON.stringify(suggestion.value)}`, edits: [{ kind: 'set', path, value: suggestion.value }], preferred: true }];
}

function codeOfProperty(schema: JsonSchema, key: string): string | null {
  return schema.properties?.[key]?.['x-code'] ?? null;
}

/** JSON pointer -> path; numbers where the value is an array. */
function pathOf(pointer: string, value: unknown): JsonPath {
  let at: unknown = value;
  return pointer
    .split('/')
    .slice(1)
    .map((part) => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const step = Array.isArray(at) ? Number(key) : key;
      at = valueAt(at, [step]);
      return step;
    });
}
