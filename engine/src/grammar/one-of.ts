// oneOf asks for exactly one matching schema. A grammar writes what one of them allows, so it is kept only where no value could match two.
import { isJsonObject } from '../checkpoint/json-file.ts';
import { below, resolvePointer, schemaError } from './schema-error.ts';
import { isOfType, readKeywords, type TypeName } from './schema-keywords.ts';

/** Throws kind `input` naming the two schemas that might both match. */
export function requireDisjoint(root: unknown, branches: readonly unknown[], pointer: string): void {
  for (const [index, branch] of branches.entries()) {
    for (let other = 0; other < index; other++) {
      if (!disjoint(root, branches[other], branch, 0)) {
        throw schemaError(
          below(pointer, index),
          `a value might match schema ${other} as well, and "oneOf" forbids that; use "anyOf", or give each a property with another "const"`,
        );
      }
    }
  }
}

function disjoint(root: unknown, a: unknown, b: unknown, depth: number): boolean {
  const [left, right] = [resolved(root, a), resolved(root, b)];
  if (left === null || right === null) return false;
  const [leftValues, rightValues] = [valuesOf(left), valuesOf(right)];
  if (leftValues !== null && rightValues !== null)
    return leftValues.every((value) => !rightValues.some((other) => JSON.stringify(other) === JSON.stringify(value)));
  const [leftTypes, rightTypes] = [typesOf(left), typesOf(right)];
  if (leftValues !== null) return leftValues.every((value) => !isOfType(value, rightTypes));
  if (rightValues !== null) return rightValues.every((value) => !isOfType(value, leftTypes));
  const shared = leftTypes.filter(
    (type) => rightTypes.includes(type) || (type === 'integer' && rightTypes.includes('number')) || (type === 'number' && rightTypes.includes('integer')),
  );
  if (shared.length === 0) return true;
  // Objects that a property tells apart which both must have.
  if (depth > 2 || shared.some((type) => type !== 'object')) return false;
  const [leftProperties, rightProperties] = [left['properties'], right['properties']];
  if (!isJsonObject(leftProperties) || !isJsonObject(rightProperties)) return false;
  const requires = (schema: Record<string, unknown>, name: string): boolean => Array.isArray(schema['required']) && schema['required'].includes(name);
  return Object.keys(leftProperties).some(
    (name) =>
      Object.hasOwn(rightProperties, name) &&
      requires(left, name) &&
      requires(right, name) &&
      disjoint(root, leftProperties[name], rightProperties[name], depth + 1),
  );
}

function resolved(root: unknown, schema: unknown): Record<string, unknown> | null {
  let value = schema;
  for (let steps = 0; steps < 10 && isJsonObject(value) && typeof value['$ref'] === 'string'; steps++)
    value = resolvePointer(root, decodeURIComponent(value['$ref'].slice(1)));
  return isJsonObject(value) && value['$ref'] === undefined ? { ...value } : null;
}

function valuesOf(schema: Record<string, unknown>): readonly unknown[] | null {
  if (Object.hasOwn(schema, 'const')) return [schema['const']];
  return Array.isArray(schema['enum']) ? schema['enum'] : null;
}

/** All types where the schema names none itself: keywords without a type say nothing of other types. */
function typesOf(schema: Record<string, unknown>): readonly TypeName[] {
  const { types, decider } = readKeywords({ type: schema['type'] ?? ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] }, '');
  return decider === null ? types : [];
}
