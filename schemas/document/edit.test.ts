// Edits keep the author's layout and do what they say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyEdits, applyReplacements, editsToReplacements } from './edit.ts';

const TEXT = '{\n  "a": 1,\n  "b": { "c": 2 }\n}\n';

test('set replaces a value and leaves everything else', () => {
  assert.equal(applyEdits(TEXT, [{ kind: 'set', path: ['b', 'c'], value: 'x' }]), '{\n  "a": 1,\n  "b": { "c": "x" }\n}\n');
});

test('set adds a missing member on its own line, indented as its neighbours', () => {
  assert.equal(applyEdits(TEXT, [{ kind: 'set', path: ['d'], value: 3 }]), '{\n  "a": 1,\n  "b": { "c": 2 },\n  "d": 3\n}\n');
});

test('set makes the objects on its way', () => {
  assert.deepEqual(JSON.parse(applyEdits(TEXT, [{ kind: 'set', path: ['x', 'y', 'z'], value: 1 }])), { a: 1, b: { c: 2 }, x: { y: { z: 1 } } });
});

test('set fills in a value that is missing behind its colon', () => {
  assert.equal(applyEdits('{"a":}', [{ kind: 'set', path: ['a'], value: 1 }]), '{"a": 1}');
});

test('remove takes the comma along, for a first, a middle, a last and an only member', () => {
  const remove = (text: string, key: string): string => applyEdits(text, [{ kind: 'remove', path: [key] }]);
  assert.equal(remove(TEXT, 'a'), '{\n  "b": { "c": 2 }\n}\n');
  assert.equal(remove(TEXT, 'b'), '{\n  "a": 1\n}\n');
  assert.equal(remove('{"a": 1, "b": 2, "c": 3}', 'b'), '{"a": 1, "c": 3}');
  assert.equal(remove('{"a": 1,}', 'a'), '{}');
});

test('rename changes the key alone', () => {
  assert.equal(applyEdits(TEXT, [{ kind: 'rename', path: ['b', 'c'], key: 'bits' }]), '{\n  "a": 1,\n  "b": { "bits": 2 }\n}\n');
});

test('edits of places that are not there change nothing', () => {
  assert.equal(
    applyEdits(TEXT, [
      { kind: 'remove', path: ['x'] },
      { kind: 'rename', path: ['b', 'x'], key: 'y' },
      { kind: 'set', path: ['a', 'x'], value: 1 },
    ]),
    TEXT,
  );
});

test('several edits become one replacement around what differs', () => {
  const edits = [
    { kind: 'set', path: ['a'], value: 5 },
    { kind: 'rename', path: ['b'], key: 'B' },
  ] as const;
  const replacements = editsToReplacements(TEXT, edits);
  assert.equal(replacements.length, 1);
  assert.equal(applyReplacements(TEXT, replacements), applyEdits(TEXT, edits));
});

test('setting and removing members of any object gives that object', () => {
  const key = fc.string({ maxLength: 4 }).filter((one) => one !== '__proto__');
  fc.assert(
    fc.property(
      fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }),
      key,
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom(undefined, 2),
      (object, name, value, space) => {
        const text = JSON.stringify(object, null, space);
        const set = applyEdits(text, [{ kind: 'set', path: [name], value }]);
        assert.deepEqual(JSON.parse(set), JSON.parse(JSON.stringify({ ...object, [name]: value })));
        const { [name]: _removed, ...rest } = object;
        assert.deepEqual(JSON.parse(applyEdits(set, [{ kind: 'remove', path: [name] }])), JSON.parse(JSON.stringify(rest)));
      },
    ),
    { numRuns: 500 },
  );
});
