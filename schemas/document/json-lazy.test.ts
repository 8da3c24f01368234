// The tree that is made on demand is the one that the recovering parser makes at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseJson, parseRecovering } from './json.ts';
import { parseSound } from './json-lazy.ts';
import type { ConfigNode } from './node.ts';

function plain(node: ConfigNode | null): unknown {
  return node === null
    ? null
    : { type: node.type, range: node.range, keyRange: node.keyRange, key: node.key, value: node.value, children: node.children.map(plain) };
}

function parentsAreRight(node: ConfigNode): boolean {
  return node.children.every((child) => child.parent === node && parentsAreRight(child));
}

const spaced = fc.tuple(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom('', ' ', '\t', 1, 2, 4)).map(([value, indent]) => JSON.stringify(value, null, indent));

test('of sound JSON both parsers make the same tree', () => {
  fc.assert(
    fc.property(spaced, fc.constantFrom('', '\n', ' \r\n\t'), (text, around) => {
      const whole = around + text + around;
      const root = parseSound(whole, 128);
      assert.ok(root !== null);
      assert.deepEqual(plain(root), plain(parseRecovering(whole, true).root));
      assert.ok(parentsAreRight(root));
    }),
    { numRuns: 2000 },
  );
});

test('of equal keys each has its own value, and the object that of the last', () => {
  const text = '{"a": 1, "b": {"c": 2, "c": [3]}, "a": "x\\"y"}';
  const root = parseSound(text, 128);
  assert.deepEqual(plain(root), plain(parseRecovering(text, true).root));
  assert.deepEqual(root?.value, { a: 'x"y', b: { c: [3] } });
  assert.deepEqual(
    root?.children.map((child) => child.value),
    [1, { c: [3] }, 'x"y'],
  );
});

test('__proto__ is a member like any other', () => {
  const { root } = parseJson('{"__proto__": {"a": 1}}');
  assert.deepEqual(root?.children[0]?.value, { a: 1 });
  assert.ok(Object.hasOwn(root?.value as object, '__proto__'));
});

test('what is not JSON to the letter, or too deep, is left to the recovering parser', () => {
  for (const text of ['', ' ', '{', '{"a": 1,}', "{'a': 1}", '[1] x', '{"a": NaN}', '// c\n{}', '\ufeff{}', '"a\nb"', '[01]', '[1.]', '{"a" 1}']) {
    assert.equal(parseSound(text, 128), null, text);
  }
  assert.equal(parseSound('['.repeat(129) + ']'.repeat(129), 128), null);
  assert.ok(parseSound('['.repeat(128) + ']'.repeat(128), 128) !== null);
  assert.ok(parseSound(`["${'['.repeat(500)}"]`, 128) !== null, 'brackets in a string are no depth');
});

test('an opening quote that is never closed and any other text end the scan', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '1', 'a', ' ', '\n', 'null'), { maxLength: 40 }), (parts) => {
      const text = parts.join('');
      const root = parseSound(text, 128);
      if (root !== null) {
        assert.deepEqual(root.value, JSON.parse(text));
        assert.deepEqual(plain(root), plain(parseRecovering(text, true).root));
      }
    }),
    { numRuns: 3000 },
  );
});

test('of damaged texts the tree and the problems are those of reading every letter', () => {
  const pieces = fc.constantFrom('{', '}', '[', ']', '"', "'", '\\', ',', ':', '1', 'a', ' ', '\n', 'null', 'None', '// c', '"k": ');
  const damaged = fc
    .tuple(spaced, fc.array(fc.tuple(fc.nat(), pieces), { minLength: 1, maxLength: 4 }))
    .map(([text, damages]) =>
      damages.reduce((now, [at, piece]) => now.slice(0, at % (now.length + 1)) + piece + now.slice((at % (now.length + 1)) + (at % 3)), text),
    );
  fc.assert(
    fc.property(damaged, (text) => {
      const [lazy, eager] = [parseRecovering(text), parseRecovering(text, true)];
      assert.deepEqual(plain(lazy.root), plain(eager.root), text);
      assert.deepEqual(lazy.problems, eager.problems, text);
      assert.ok(lazy.root === null || parentsAreRight(lazy.root));
    }),
    { numRuns: 5000 },
  );
});
