// The part of a schema that describes a place in the config: for the wording of findings.
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

function propertyOf(schema: JsonSchema, key: string): JsonSchema | null {
  const own = schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
  const other = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : null;
  return own ?? other;
}
