import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonSchema } from '@quantwright/schemas/configs/json-schema';
import { listedValues, membersAt, schemasAt } from './jsonSchema.ts';

// As text: schema.json files are text, and an object literal with a member `then` looks like a promise.
const schema = JSON.parse(`{
  "type": "object",
  "properties": {
    "method": { "enum": ["a", "b"] },
    "size": { "type": "integer", "default": 128, "examples": [64, 128] },
    "on": { "type": "boolean" },
    "either": { "type": ["string", "array"], "if": { "type": "string" }, "then": { "enum": ["one", "two"] } },
    "nested": { "type": "object", "additionalProperties": { "type": "string", "enum": ["x"] } },
    "pattern": { "type": "object", "patternProperties": { "^g": { "enum": ["y"] } }, "additionalProperties": false },
    "any": { "anyOf": [{ "type": "string", "enum": ["p"] }, { "type": "object", "properties": { "inner": { "type": "boolean" } } }] },
    "list": { "type": "array", "items": { "type": "number", "minimum": 3 } }
  },
  "allOf": [
    {
      "if": { "properties": { "method": { "const": "a" } }, "required": ["method"] },
      "then": { "properties": { "size": { "enum": [64, 32] }, "onlyA": { "type": "string" } } }
    },
    { "if": { "not": { "required": ["method"] } }, "then": { "properties": { "hint": { "type": "string" } } } }
  ]
}`) as JsonSchema;
const values = (value: unknown, path: readonly (string | number)[]) => listedValues(schemasAt(schema, value, path));

test('an enum is a closed list', () => assert.deepEqual(values({}, ['method']), { values: ['a', 'b'], closed: true }));
test('booleans are a closed list', () => assert.deepEqual(values({}, ['on']), { values: [true, false], closed: true }));
test('a number or a boolean is not a closed list', () => assert.equal(listedValues([{ type: ['number', 'boolean', 'null'] }]).closed, false));
test('defaults and examples are suggestions without doubles', () => assert.deepEqual(values({ method: 'b' }, ['size']), { values: [128, 64], closed: false }));
test('a branch that applies narrows the list', () => assert.deepEqual(values({ method: 'a' }, ['size']), { values: [64, 32], closed: true }));
test('what is being typed does not decide which values are listed', () => {
  assert.deepEqual(values({}, ['either']).values, ['one', 'two']);
  assert.deepEqual(values({ either: 7 }, ['either']).values, ['one', 'two']);
});
test('additional members and items have schemas', () => {
  assert.deepEqual(values({ nested: {} }, ['nested', 'anything']).values, ['x']);
  assert.deepEqual(
    schemasAt(schema, {}, ['list', 4]).map((found) => found.minimum),
    [3],
  );
});
test('members of branches appear only where their condition holds', () => {
  const keys = (value: unknown) => [...membersAt(schema, value, []).keys()].filter((key) => key === 'onlyA' || key === 'hint');
  assert.deepEqual(keys({ method: 'a' }), ['onlyA']);
  assert.deepEqual(keys({ method: 'b' }), []);
  assert.deepEqual(keys({}), ['hint']);
});
test('a path into nowhere has no schemas', () => assert.deepEqual(schemasAt(schema, {}, ['method', 'deeper', 0]), []));
test('members of a pattern and of alternatives have schemas', () => {
  assert.deepEqual(values({}, ['pattern', 'group']).values, ['y']);
  assert.deepEqual(values({}, ['pattern', 'other']).values, []);
  assert.deepEqual(values({}, ['any']).values, ['p']);
  assert.deepEqual([...membersAt(schema, { any: {} }, ['any']).keys()], ['inner']);
  assert.deepEqual(values({ any: {} }, ['any', 'inner']).values, [true, false]);
});
