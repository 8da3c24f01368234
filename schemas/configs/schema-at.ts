// The part of a schema that describes a place in the config: for hover, completion and the wording of findings.
import type { JsonPath } from '../recipe/origin.ts';
import type { JsonSchema } from './json-schema.ts';

/** `path` from the config object. Null for a place the schema does not describe. */
export function schemaAt(schema: JsonSchema, path: JsonPath): JsonSchema | null {
  let at: JsonSchema | null = schema;
  for (const step of path) {
    at = at === null ? null : typeof step === 'number' ? (at.items ?? null) : propertyOf(at, step);
  }
  return at;
}

export interface Choice {
  readonly value: unknown;
  /** Why one would choose it. */
  readonly why: string | null;
}

/** Legal values of a part, also where they stand in a conditional or are implied by its type. Examples count when nothing closes the set. */
export function choicesOf(schema: JsonSchema): readonly Choice[] {
  const closed = schema.enum === undefined ? schema.then : schema;
  if (closed?.enum !== undefined) {
    return closed.enum.map((value, index) => ({ value, why: closed.enumDescriptions?.[index] ?? null }));
  }
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  if (types.includes('boolean')) {
    return [
      { value: true, why: null },
      { value: false, why: null },
    ];
  }
  return (schema.examples ?? []).map((value) => ({ value, why: null }));
}

function propertyOf(schema: JsonSchema, key: string): JsonSchema | null {
  const own = schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
  const other = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : null;
  return own ?? other;
}
