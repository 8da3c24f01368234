// The wording of schema errors whose keyword alone says little: lengths, patterns and alternatives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonSchema } from '../configs/json-schema.ts';
import type { SchemaError, SchemaValidate } from '../configs/schema-problem.ts';
import { schemaProblems } from './schema-problems.ts';

/** A validator that always finds these errors, as ajv would write them. */
function finds(...errors: readonly SchemaError[]): SchemaValidate {
  return Object.assign(() => false, { errors });
}

function error(keyword: string, instancePath: string, schemaPath: string, params: SchemaError['params'] = {}): SchemaError {
  return { keyword, instancePath, schemaPath, params };
}

function messages(schema: JsonSchema, value: unknown, ...errors: readonly SchemaError[]): readonly string[] {
  return schemaProblems(schema, finds(...errors), value, []).map(({ message }) => message);
}

test('lengths name what is there and what is needed', () => {
  const schema: JsonSchema = { properties: { block: { type: 'array', minItems: 2, maxItems: 2, default: [128, 128] } } };
  const few = schemaProblems(schema, finds(error('minItems', '/block', '#/properties/block/minItems', { limit: 2 })), { block: [128] }, []);
  assert.equal(few[0]?.message, '"block" has 1 entry; it must have at least 2.');
  assert.deepEqual(few[0]?.fixes[0]?.edits, [{ kind: 'set', path: ['block'], value: [128, 128] }]);
  const many = error('maxItems', '/block', '#/properties/block/maxItems', { limit: 2 });
  assert.deepEqual(messages(schema, { block: [1, 2, 3] }, many), ['"block" has 3 entries; it must have at most 2.']);
});

test('a pattern is told by its own words, or shown', () => {
  const plain: JsonSchema = { properties: { version: { type: 'string', pattern: '^v[0-9]+$' } } };
  const failure = error('pattern', '/version', '#/properties/version/pattern', { pattern: '^v[0-9]+$' });
  assert.deepEqual(messages(plain, { version: 'x' }, failure), ['"version" is "x", which is not of the form ^v[0-9]+$.']);
  const worded: JsonSchema = { properties: { version: { type: 'string', pattern: '^v[0-9]+$', 'x-words': 'A version is v1, v2 ...' } } };
  assert.deepEqual(messages(worded, { version: 'x' }, failure), ['A version is v1, v2 ...']);
});

const SIZE: JsonSchema = { properties: { size: { anyOf: [{ type: 'integer', minimum: 1 }, { enum: ['auto', null] }] } } };
const wrapper = error('anyOf', '/size', '#/properties/size/anyOf');

test('of alternatives only the one of the value’s kind is told', () => {
  const own = error('minimum', '/size', '#/properties/size/anyOf/0/minimum', { comparison: '>=', limit: 1 });
  const other = error('enum', '/size', '#/properties/size/anyOf/1/enum', { allowedValues: ['auto', null] });
  assert.deepEqual(messages(SIZE, { size: 0 }, own, other, wrapper), ['"size" is 0; it must be >= 1.']);
});

test('a value of no alternative’s kind gets one sentence', () => {
  const integer = error('type', '/size', '#/properties/size/anyOf/0/type', { type: 'integer' });
  const word = error('enum', '/size', '#/properties/size/anyOf/1/enum', { allowedValues: ['auto', null] });
  const [problem, ...more] = schemaProblems(SIZE, finds(integer, word, wrapper), { size: 'auta' }, []);
  assert.deepEqual(more, []);
  assert.equal(problem?.message, '"size" is "auta"; it must be an integer or "auto" or null.');
  assert.deepEqual(problem?.fixes[0]?.edits, [{ kind: 'set', path: ['size'], value: 'auto' }]);
});

test('alternatives with words of their own say those', () => {
  const schema: JsonSchema = { properties: { size: { ...SIZE.properties?.['size'], 'x-words': 'size counts rows.' } } };
  const own = error('minimum', '/size', '#/properties/size/anyOf/0/minimum', { comparison: '>=', limit: 1 });
  assert.deepEqual(messages(schema, { size: 0 }, own, wrapper), ['size counts rows.']);
});

test('errors beside an alternative stay', () => {
  const integer = error('type', '/size', '#/properties/size/anyOf/0/type', { type: 'integer' });
  const beside = error('additionalProperties', '', '#/additionalProperties', { additionalProperty: 'x' });
  assert.deepEqual(messages(SIZE, { size: [], x: 1 }, integer, beside, wrapper).length, 2);
});
