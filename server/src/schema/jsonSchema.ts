// Looks into a format's JSON Schema for completion and hover: which sub-schemas speak about a path, given the values around it.
// Never judges a document: ajv does that in schemas/. Conditions are read only to choose the branches that apply.
import type { JsonSchema } from '@quantwright/schemas/configs/json-schema';
import type { JsonPath } from '@quantwright/schemas/recipe/origin';

/** Every sub-schema that applies at `path` of `value`, the most general first. A scalar there does not count: it may be replaced. */
export function schemasAt(root: JsonSchema, value: unknown, path: JsonPath): readonly JsonSchema[] {
  let here = expand(root, value);
  let current = value;
  for (const step of path) {
    const found = child(current, step);
    const next = typeof found === 'object' ? found : undefined;
    here = here.flatMap((schema) => childSchemas(schema, step).flatMap((inner) => expand(inner, next)));
    current = next;
  }
  return here;
}

/** Members that an object at `path` may have: key -> the sub-schemas that speak about it. */
export function membersAt(root: JsonSchema, value: unknown, path: JsonPath): ReadonlyMap<string, readonly JsonSchema[]> {
  const members = new Map<string, readonly JsonSchema[]>();
  for (const schema of schemasAt(root, value, path)) {
    for (const [key, member] of Object.entries(schema.properties ?? {})) {
      members.set(key, [...(members.get(key) ?? []), ...expand(member, undefined)]);
    }
  }
  return members;
}

export interface ListedValues {
  readonly values: readonly unknown[];
  /** True when no other value is allowed. */
  readonly closed: boolean;
}

/** Values the schemas name: the common ones of every enum and const, or booleans, or else defaults and examples. */
export function listedValues(schemas: readonly JsonSchema[]): ListedValues {
  const lists = schemas.flatMap((schema) => (schema.const !== undefined ? [[schema.const]] : schema.enum !== undefined ? [schema.enum] : []));
  const [first, ...others] = lists;
  if (first !== undefined) {
    const common = first.filter((value) => others.every((list) => list.some((other) => same(other, value))));
    // Branches that leave nothing: the judge tells what is wrong with each, so offer what the widest list has.
    const listed = common.length > 0 ? common : first;
    // The list may be of one type only, where others are as good (a number, or "auto").
    const besides = suggestedValues(schemas).filter((value) => listed.every((one) => typeof one !== typeof value));
    return { values: [...besides, ...listed], closed: besides.length === 0 };
  }
  const types = typesOf(schemas);
  if (types.includes('boolean') && types.every((type) => type === 'boolean' || type === 'null')) return { values: [true, false], closed: true };
  return { values: suggestedValues(schemas), closed: false };
}

function suggestedValues(schemas: readonly JsonSchema[]): readonly unknown[] {
  const suggested = schemas.flatMap((schema) => [...(schema.default === undefined ? [] : [schema.default]), ...(schema.examples ?? [])]);
  return suggested.filter((value, index) => suggested.findIndex((other) => same(other, value)) === index);
}

export function typesOf(schemas: readonly JsonSchema[]): readonly string[] {
  return [...new Set(schemas.flatMap((schema) => (schema.type === undefined ? [] : [schema.type].flat())))];
}

export function child(value: unknown, step: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.hasOwn(value, step) ? (value as Record<string | number, unknown>)[step] : undefined;
}

export function same(left: unknown, right: unknown): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}

function childSchemas(schema: JsonSchema, step: string | number): readonly JsonSchema[] {
  if (typeof step === 'number') return schema.items === undefined ? [] : [schema.items];
  const named = schema.properties !== undefined && Object.hasOwn(schema.properties, step) ? schema.properties[step] : undefined;
  const patterned = Object.entries(schema.patternProperties ?? {}).flatMap(([pattern, member]) => (matches(pattern, step) ? [member] : []));
  if (named !== undefined) return [named, ...patterned];
  if (patterned.length > 0) return patterned;
  return typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : [];
}

/** The schema itself and the parts of it that apply to the value; of an unknown value every part may. */
function expand(schema: JsonSchema, value: unknown): readonly JsonSchema[] {
  const parts = [schema.then, schema.else].filter((part) => part !== undefined);
  const chosen = schema.if === undefined ? [] : value === undefined ? parts : [holds(schema.if, value) ? schema.then : schema.else];
  const applying = [...(schema.allOf ?? []), ...chosen].filter((part) => part !== undefined);
  return [schema, ...[...applying, ...alternatives(schema, value)].flatMap((part) => expand(part, value))];
}

/** Of several alternatives those that the value may be; of one that is none of them, or not known, every one. */
function alternatives({ anyOf, oneOf }: JsonSchema, value: unknown): readonly JsonSchema[] {
  const parts = [...(anyOf ?? []), ...(oneOf ?? [])];
  const possible = value === undefined ? [] : parts.filter((part) => holds(part, value));
  return possible.length > 0 ? possible : parts;
}

function matches(pattern: string, key: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(key);
  } catch {
    return false;
  }
}

/** Whether a condition holds, for the keywords that conditions are written with. */
function holds(condition: JsonSchema, value: unknown): boolean {
  if (condition.const !== undefined && !same(condition.const, value)) return false;
  if (condition.enum !== undefined && !condition.enum.some((allowed) => same(allowed, value))) return false;
  if (condition.type !== undefined && ![condition.type].flat().some((type) => hasType(value, type))) return false;
  if (typeof value === 'number' && (value < (condition.minimum ?? -Infinity) || value > (condition.maximum ?? Infinity))) return false;
  if (condition.required?.some((key) => child(value, key) === undefined) === true) return false;
  const members = Object.entries(condition.properties ?? {});
  if (members.some(([key, member]) => child(value, key) !== undefined && !holds(member, child(value, key)))) return false;
  if (condition.allOf?.some((part) => !holds(part, value)) === true) return false;
  if (condition.anyOf !== undefined && !condition.anyOf.some((part) => holds(part, value))) return false;
  return condition.not === undefined || !holds(condition.not, value);
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
