import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { EngineError } from '../errors.ts';
import { schemaGrammar } from './json-schema.ts';
import { accepts, randomText, recognizerOf } from './testing.ts';

const ajv = new Ajv2020({ strict: false, validateFormats: false });

const cases: readonly (readonly [schema: unknown, allowed: readonly string[], refused: readonly string[]])[] = [
  [{ type: 'boolean' }, ['true', 'false'], ['null', 'tru', 'True']],
  [{ type: 'null' }, ['null'], ['0']],
  [{ type: ['integer', 'null'] }, ['null', '-12', '0'], ['1.5', '01', '""', '-0']],
  [{ type: 'number' }, ['0', '-1.25', '1e10', '6.02E+23'], ['.5', '1.', '--1', '+1', 'NaN', '1e1000']],
  [{ type: 'integer', minimum: 2, maximum: 30 }, ['2', '9', '10', '29', '30'], ['1', '31', '300', '-2', '02']],
  [{ type: 'integer', minimum: -15, maximum: 7 }, ['-15', '-9', '-1', '0', '7'], ['-16', '8', '-20', '10']],
  [{ type: 'integer', exclusiveMinimum: 98.5, exclusiveMaximum: 1001 }, ['99', '100', '1000'], ['98', '1001', '9', '2000']],
  [{ type: 'integer', minimum: 0 }, ['0', '123456789012345'], ['-1', '1234567890123456']],
  [{ type: 'number', minimum: 0, maximum: 1 }, ['0', '0.5', '1', '1.00'], ['1.01', '-0.1', '2', '1e0']],
  [{ type: 'number', minimum: -2, maximum: -1 }, ['-1.5', '-2', '-1', '-2.0'], ['-0.5', '-2.1', '1.5']],
  [{ type: 'string' }, ['""', '"é☕🤖"', '"a\\n\\"\\u00e9"'], ['"a\nb"', '"\\x"', '"\\ud800"', 'a']],
  [{ type: 'string', minLength: 2, maxLength: 3 }, ['"ab"', '"☕é🤖"', '"a\\n"'], ['"a"', '"abcd"']],
  [{ type: 'string', pattern: '^[a-z]{2,3}-\\d+$' }, ['"ab-1"', '"abc-123"'], ['"a-1"', '"ab-"', '"ab-1 "']],
  [{ type: 'string', pattern: 'b+' }, ['"b"', '"abba"', '"\\tb"'], ['"a"', '""']],
  [{ type: 'string', pattern: '^(a"|\\\\)$' }, ['"a\\""', '"\\\\"'], ['"a"', '"\\"']],
  [{ type: 'string', format: 'date' }, ['"2026-11-23"', '"1999-02-28"'], ['"2026-13-01"', '"2026-02-30"', '"2026-1-1"']],
  [{ type: 'string', format: 'date-time' }, ['"2026-11-23T14:05:00Z"', '"2026-11-23T23:59:59.5+02:00"'], ['"2026-11-23"', '"2026-11-23T24:00:00Z"']],
  [{ type: 'string', format: 'ipv4' }, ['"127.0.0.1"', '"255.255.255.255"'], ['"256.0.0.1"', '"1.2.3"']],
  [{ type: 'string', format: 'uuid' }, ['"123e4567-e89b-12d3-a456-426614174000"'], ['"123e4567"']],
  [{ enum: ['a', 1, null, { b: [] }] }, ['"a"', '1', 'null', '{"b":[]}'], ['"b"', '2', '{}']],
  [{ enum: ['a', 1], type: 'string' }, ['"a"'], ['1']],
  [{ const: 'x' }, ['"x"'], ['"y"', 'x']],
  [{ type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 3 }, ['[1]', '[1, 2,3]', '[\n  1,\n  2\n]'], ['[]', '[1,2,3,4]', '[1,]', '["a"]']],
  [{ type: 'array', items: { type: 'integer' } }, ['[]', '[1,2,3,4,5]'], ['[1 2]', '[true]']],
  [{ type: 'array', items: false }, ['[]'], ['[1]']],
  [{ type: 'array', prefixItems: [{ const: 1 }, { const: 2 }], items: false, minItems: 1 }, ['[1]', '[1,2]'], ['[]', '[2]', '[1,2,3]']],
  [{ type: 'array', prefixItems: [{ const: 1 }], items: { const: 0 } }, ['[]', '[1]', '[1,0,0]'], ['[0]', '[1,1]']],
  [{ type: 'array', minItems: 2 }, ['[1,"a"]', '[[],{},null]'], ['[1]']],
  [
    { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'boolean' } }, required: ['b'] },
    ['{"b":true}', '{"a": 1, "b": false}', '{\n  "a": 1,\n  "b": true\n}'],
    ['{}', '{"a":1}', '{"b":true,"a":1}', '{"b":true,"c":1}', '{"b":true,}'],
  ],
  [{ type: 'object', properties: { a: true }, additionalProperties: false }, ['{}', '{"a":[1]}'], ['{"b":1}']],
  [
    { type: 'object', properties: { ab: { const: 1 } }, additionalProperties: { type: 'integer' } },
    ['{}', '{"ab":1}', '{"a":5}', '{"abc":7}', '{"ab":1,"x":2,"y":3}', '{"":0}'],
    ['{"ab":2}', '{"x":2,"ab":5}', '{"x":true}', '{"\\u0061b":2}'],
  ],
  [{ type: 'object', required: ['k'] }, ['{"k":null}'], ['{}', '{"z":1}']],
  [{ type: 'object', additionalProperties: { type: 'null' } }, ['{}', '{"a":null, "b":null}'], ['{"a":1}']],
  [{ type: 'object' }, ['{}', '{"a":{"b":[1,{"c":""}]}}'], ['[]', '{a:1}']],
  [true, ['1', '"a"', '[{}]', 'null'], ['', 'nul']],
  [{ anyOf: [{ type: 'integer' }, { type: 'array', items: { $ref: '#' } }] }, ['1', '[]', '[1,[2,[3]]]'], ['["a"]', '[1']],
  [
    { $ref: '#/$defs/tree', $defs: { tree: { type: 'object', properties: { v: { type: 'integer' }, next: { $ref: '#/$defs/tree' } }, required: ['v'] } } },
    ['{"v":1}', '{"v":1,"next":{"v":2,"next":{"v":3}}}'],
    ['{"next":{"v":1}}', '{"v":1,"next":1}'],
  ],
  [{ oneOf: [{ type: 'string', maxLength: 1 }, { type: 'boolean' }] }, ['"a"', 'true'], ['"ab"', '1']],
  [
    {
      oneOf: [
        { type: 'object', properties: { kind: { const: 'a' }, x: { type: 'integer' } }, required: ['kind', 'x'] },
        { type: 'object', properties: { kind: { const: 'b' } }, required: ['kind'] },
      ],
    },
    ['{"kind":"a","x":1}', '{"kind":"b"}'],
    ['{"kind":"a"}', '{"kind":"c"}'],
  ],
  [{ properties: { 'a"b\\': { const: 0 } }, required: ['a"b\\'] }, ['{"a\\"b\\\\":0}'], ['{}']],
  [{ type: 'object', properties: { dead: false, a: { const: 1 } }, required: ['a'] }, ['{"a":1}'], ['{"dead":1,"a":1}', '{"d']],
];

test('a schema allows what it should, and nothing else; ajv agrees with every text that is allowed', () => {
  for (const [schema, allowed, refused] of cases) {
    const recognizer = recognizerOf(schemaGrammar(schema));
    const valid = ajv.compile(typeof schema === 'boolean' ? schema : Object(schema));
    for (const text of allowed) {
      assert.ok(accepts(recognizer, text), `${JSON.stringify(schema)} allows ${text}`);
      assert.ok(valid(JSON.parse(text)), `ajv: ${JSON.stringify(schema)} allows ${text}`);
    }
    for (const text of refused) assert.ok(!accepts(recognizer, text), `${JSON.stringify(schema)} refuses ${text}`);
  }
});

test('every text of a grammar is JSON that ajv finds valid', () => {
  for (const [schema] of cases) {
    const recognizer = recognizerOf(schemaGrammar(schema));
    const valid = ajv.compile(typeof schema === 'boolean' ? schema : Object(schema));
    let ended = 0;
    for (let seed = 1; seed <= 40; seed++) {
      let state = seed;
      const text = randomText(
        recognizer,
        (ways) => {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          return Math.floor((state / 2 ** 32) * ways);
        },
        300,
      );
      if (text === null) continue;
      ended++;
      assert.ok(valid(JSON.parse(text)), `${JSON.stringify(schema)} wrote ${text}`);
    }
    assert.ok(ended > 20, `${JSON.stringify(schema)}: ${ended} of 40 texts ended`);
  }
});

/** Schemas of everything that is kept, a few levels deep. */
const schemas = fc.letrec<{ schema: unknown }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      { type: 'boolean' },
      { type: 'null' },
      { type: 'number' },
      { type: 'integer' },
      { type: 'string', format: 'date' },
      { type: 'string', pattern: '^[ab"]{1,3}$' },
    ),
    fc.tuple(fc.integer({ min: -2000, max: 2000 }), fc.nat(3000)).map(([minimum, size]) => ({ type: 'integer', minimum, maximum: minimum + size })),
    fc.tuple(fc.integer({ min: -30, max: 30 }), fc.nat(40)).map(([minimum, size]) => ({ type: 'number', minimum, maximum: minimum + size })),
    fc.tuple(fc.nat(3), fc.nat(3)).map(([minLength, more]) => ({ type: 'string', minLength, maxLength: minLength + more })),
    fc.array(fc.jsonValue({ maxDepth: 1 }), { minLength: 1, maxLength: 3 }).map((values) => ({ enum: values })),
    fc
      .record({ items: tie('schema'), least: fc.nat(2), more: fc.nat(2) })
      .map(({ items, least, more }) => ({ type: 'array', items, minItems: least, maxItems: least + more })),
    fc
      .record({ properties: fc.dictionary(fc.string({ maxLength: 3 }), tie('schema'), { maxKeys: 3 }), additional: fc.option(tie('schema')) })
      .chain(({ properties, additional }) =>
        fc
          .subarray(Object.keys(properties))
          .map((required) => ({ type: 'object', properties, required, ...(additional === null ? {} : { additionalProperties: additional }) })),
      ),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
  ),
})).schema;

test('texts of random schemas are valid', () => {
  fc.assert(
    fc.property(schemas, fc.infiniteStream(fc.nat()), (schema, numbers) => {
      const text = randomText(recognizerOf(schemaGrammar(schema)), (ways) => Number(numbers.next().value) % ways, 200);
      if (text !== null) assert.ok(new Ajv2020({ strict: false, validateFormats: false }).compile(Object(schema))(JSON.parse(text)), text);
    }),
    { numRuns: 80 },
  );
});

test('what cannot be kept is refused with its place', () => {
  const refusals: readonly (readonly [schema: unknown, pointer: string])[] = [
    [{ type: 'object', properties: { a: { type: 'array', uniqueItems: true } } }, '/properties/a/uniqueItems'],
    [{ type: 'number', multipleOf: 2 }, '/multipleOf'],
    [{ not: {} }, '/not'],
    [{ if: {}, else: {} }, '/if'],
    [{ type: 'object', patternProperties: {} }, '/patternProperties'],
    [{ type: 'string', format: 'regex' }, '/format'],
    [{ type: 'string', pattern: '(?=a)b' }, '/pattern'],
    [{ type: 'string', pattern: '(a)\\1' }, '/pattern'],
    [{ type: 'string', pattern: 'a{1,100000}' }, '/pattern'],
    [{ type: 'string', pattern: '[' }, '/pattern'],
    [{ type: 'string', pattern: 'a', maxLength: 3 }, '/maxLength'],
    [{ type: 'number', exclusiveMinimum: 0 }, '/exclusiveMinimum'],
    [{ type: 'number', maximum: 0.5 }, '/maximum'],
    [{ allOf: [{}, {}] }, '/allOf'],
    [{ anyOf: [{ type: 'object', properties: { 'a/b': { oneOf: [{ type: 'string' }, { type: 'string' }] } } }] }, '/anyOf/0/properties/a~1b/oneOf/1'],
    [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, '/oneOf/1'],
    [{ $ref: 'https://example.com/schema' }, '/$ref'],
    [{ $ref: '#/$defs/none' }, '/$ref'],
    [{ $ref: '#/$defs/a', type: 'object', $defs: { a: {} } }, '/type'],
    [{ enum: ['a'], minLength: 1 }, '/minLength'],
    [{ type: 'text' }, '/type'],
    [{ type: 'array', items: [{}] }, '/items'],
    [{ type: 'array', minItems: 3, maxItems: 2 }, '/maxItems'],
    [{ type: 'array', minItems: -1 }, '/minItems'],
    [{ type: 'object', required: ['a'], properties: {}, additionalProperties: false }, '/required'],
    [{ type: 'object', properties: { a: 5 } }, '/properties/a'],
  ];
  for (const [schema, pointer] of refusals) {
    assert.throws(
      () => schemaGrammar(schema),
      (error) => error instanceof EngineError && error.kind === 'input' && error.message.includes(`at ${pointer}: `),
      `${JSON.stringify(schema)} at ${pointer}`,
    );
  }
  assert.throws(() => schemaGrammar(3), /at its root/);
});

test('a schema that no finite value satisfies, and one that is too large, are refused', () => {
  const endless = { type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] };
  assert.throws(() => recognizerOf(schemaGrammar(endless)), /no value that ever ends/);
  assert.throws(() => recognizerOf(schemaGrammar(false)), /no value that ever ends/);
  const large = { type: 'array', items: { type: 'string', maxLength: 100_000_000 } };
  assert.throws(() => recognizerOf(schemaGrammar(large)), /too large/);
});
