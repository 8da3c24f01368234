// The recovering parser: JSON is read as JSON.parse reads it; damage gives the tree of what is there, and a repair.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyReplacements } from './edit.ts';
import { parseJson } from './json.ts';
import type { ConfigNode } from './node.ts';

function repaired(text: string): string {
  return applyReplacements(
    text,
    parseJson(text).problems.flatMap((problem) => (problem.replacement === null ? [] : [problem.replacement])),
  );
}

/** [name, damaged text, value that is still read] */
const DAMAGE: readonly (readonly [string, string, unknown])[] = [
  ['a trailing comma', '{"a": 1,}', { a: 1 }],
  ['a trailing comma in a list', '[1, 2, ]', [1, 2]],
  ['a missing comma', '{"a": 1\n "b": 2}', { a: 1, b: 2 }],
  ['a missing comma between items', '[1 2]', [1, 2]],
  ['a doubled comma', '{"a": 1,, "b": 2}', { a: 1, b: 2 }],
  ['line comments', '{"a": 1 // why\n}', { a: 1 }],
  ['block comments', '{/* x */"a": 1}', { a: 1 }],
  ['Python words', '{"a": None, "b": True, "c": False}', { a: null, b: true, c: false }],
  ['NaN', '{"a": NaN}', { a: null }],
  ['single quotes', "{'a': 'b'}", { a: 'b' }],
  ['bare keys', '{a: 1, b-c: 2}', { a: 1, 'b-c': 2 }],
  ['a bare word as value', '{"a": gptq}', { a: 'gptq' }],
  ['an equals sign', '{"a" = 1}', { a: 1 }],
  ['a missing colon', '{"a" 1}', { a: 1 }],
  ['an unclosed object', '{"a": {"b": 1}', { a: { b: 1 } }],
  ['an unclosed list', '{"a": [1, 2}', { a: [1, 2] }],
  ['an unclosed string', '{"a": "b\n, "c": 1}', { a: 'b', c: 1 }],
  ['a wrong escape', '{"a": "C:\\dir"}', { a: 'C:\\dir' }],
  ['numbers of other languages', '{"a": +1, "b": .5, "c": 1_000, "d": 0x10}', { a: 1, b: 0.5, c: 1000, d: 16 }],
  ['text behind the end', '{"a": 1} }', { a: 1 }],
  ['semicolons', '{"a": 1; "b": 2}', { a: 1, b: 2 }],
];

for (const [name, text, value] of DAMAGE) {
  test(`${name}: read, told and repaired`, () => {
    const { root, problems } = parseJson(text);
    assert.deepEqual(root?.value, value);
    assert.ok(problems.length > 0);
    assert.deepEqual(JSON.parse(repaired(text)), value);
  });
}

test('a member without a value is told and absent from the value', () => {
  const { root, problems } = parseJson('{"a": , "b": 2}');
  assert.deepEqual(root?.value, { b: 2 });
  assert.match(problems[0]?.message ?? '', /"a" has no value/);
  assert.equal(root?.children[0]?.range.start, 5);
});

test('an empty text has no root and no problem', () => {
  assert.deepEqual(parseJson(' \n'), { language: 'json', text: ' \n', root: null, problems: [] });
});

test('nesting beyond any config is cut off instead of exhausting the stack', () => {
  assert.match(parseJson('['.repeat(100_000)).problems[0]?.message ?? '', /Nested deeper than/);
});

test('valid JSON is read as JSON.parse reads it, without problems', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 2, '\t'), (json, space) => {
      const text = JSON.stringify(JSON.parse(json), null, space);
      const { root, problems } = parseJson(text);
      assert.deepEqual(problems, []);
      assert.deepEqual(root?.value, JSON.parse(text));
      checkRanges(root, text);
    }),
    { numRuns: 500 },
  );
});

test('damaged text never makes the parser throw, and its ranges stay inside the text', () => {
  const piece = fc.oneof(
    fc.constantFrom('{', '}', '[', ']', ',', ':', '"', "'", '//', '/*', '*/', '#', '\\', '\n', 'None', '-', '1e', '"a"', 'a b', '=', ';'),
    fc.string({ maxLength: 3, unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join('');
      const { root, problems } = parseJson(text);
      checkRanges(root, null);
      for (const { range, replacement } of problems) {
        for (const one of [range, replacement?.range ?? range]) {
          assert.ok(one.start >= 0 && one.start <= one.end && one.end <= text.length, JSON.stringify({ text, one }));
        }
      }
    }),
    { numRuns: 3000 },
  );
});

/** With `text`: every scalar stands where its node says. */
function checkRanges(node: ConfigNode | null, text: string | null): void {
  for (const child of node?.children ?? []) {
    assert.equal(child.parent, node);
    assert.ok(child.range.start >= (node?.range.start ?? 0) && child.range.end <= (node?.range.end ?? 0));
    if (text !== null && child.keyRange !== null) {
      assert.equal(JSON.parse(text.slice(child.keyRange.start, child.keyRange.end)), child.key);
    }
    checkRanges(child, text);
  }
  if (text !== null && node !== null && node.type !== 'object' && node.type !== 'array') {
    assert.deepEqual(JSON.parse(text.slice(node.range.start, node.range.end)), node.value);
  }
}
