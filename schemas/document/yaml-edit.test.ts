// Edits of YAML texts: the author's layout stays, and the result reads as the edit says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import type { Edit } from '../check/finding.ts';
import { applyEdits, applyReplacements, editsToReplacements } from './edit.ts';
import { parseYaml } from './yaml.ts';

const TEXT = `# settings
approach: weight_only
recipes:
  # which way
  layer_wise_quant: true # saves memory
  rtn_args: {sym: true}
types:
- name: a
  bits: 4
- name: b
`;

function edit(text: string, ...edits: readonly Edit[]): string {
  return applyEdits(text, edits, 'yaml');
}

test('set replaces a value and leaves comments and everything else', () => {
  assert.equal(edit(TEXT, { kind: 'set', path: ['recipes', 'layer_wise_quant'], value: false }), TEXT.replace('quant: true', 'quant: false'));
  assert.equal(edit(TEXT, { kind: 'set', path: ['recipes', 'rtn_args', 'sym'], value: 'x y' }), TEXT.replace('sym: true', 'sym: "x y"'));
  assert.equal(edit(TEXT, { kind: 'set', path: ['types', 0, 'bits'], value: 8 }), TEXT.replace('bits: 4', 'bits: 8'));
});

test('set writes objects as blocks and lists of scalars on one line', () => {
  assert.equal(edit('a: 1\nb: 2\n', { kind: 'set', path: ['a'], value: { c: { d: 'on' }, e: ['x', 1] } }), 'a:\n  c:\n    d: "on"\n  e: [x, 1]\nb: 2\n');
  assert.equal(edit('a:\n  b: 1\n  c: 2\nd: 3\n', { kind: 'set', path: ['a'], value: 5 }), 'a: 5\nd: 3\n');
});

test('set adds a missing member on its own line, indented as its neighbours, and makes the objects on its way', () => {
  assert.equal(edit('a:\n    b: 1 # one\nc: 2\n', { kind: 'set', path: ['a', 'd'], value: 3 }), 'a:\n    b: 1 # one\n    d: 3\nc: 2\n');
  assert.equal(edit('- a: 1\n- b: 2', { kind: 'set', path: [0, 'c'], value: 3 }), '- a: 1\n  c: 3\n- b: 2');
  assert.equal(edit('a: 1\r\n', { kind: 'set', path: ['b', 'c'], value: 3 }), 'a: 1\r\nb:\r\n  c: 3\r\n');
  assert.equal(edit('a: {b: 1}\n', { kind: 'set', path: ['a', 'c'], value: [1] }), 'a: {b: 1, c: [1]}\n');
});

test('set fills in a value that is missing behind its colon', () => {
  assert.equal(edit('a:\nb: 2\n', { kind: 'set', path: ['a'], value: 1 }), 'a: 1\nb: 2\n');
  assert.equal(edit('- \n- 2\n', { kind: 'set', path: [0], value: 1 }).replace(/ +/g, ' '), '- 1\n- 2\n');
});

test('numbers and words are written so that readers of YAML 1.1 take them for the same', () => {
  assert.equal(edit('a: 1\n', { kind: 'set', path: ['a'], value: 0.000001 }), 'a: 0.000001\n');
  assert.equal(edit('a: 1\n', { kind: 'set', path: ['a'], value: 1e-7 }), 'a: 1.0e-7\n');
  assert.equal(edit('a: 1\n', { kind: 'set', path: ['a'], value: 'no' }), 'a: "no"\n');
});

test('remove takes the line along; a first member behind a dash makes room for the second', () => {
  assert.equal(edit(TEXT, { kind: 'remove', path: ['recipes', 'layer_wise_quant'] }), TEXT.replace(/ {2}layer_wise.*\n/, ''));
  assert.equal(edit(TEXT, { kind: 'remove', path: ['types', 0, 'name'] }), TEXT.replace('- name: a\n  bits', '- bits'));
  assert.equal(edit(TEXT, { kind: 'remove', path: ['types', 0] }), TEXT.replace('- name: a\n  bits: 4\n', ''));
  assert.equal(edit('a: 1\nb: 2', { kind: 'remove', path: ['b'] }), 'a: 1');
  assert.equal(edit('a:\n  b: 1\nc: 2\n', { kind: 'remove', path: ['a', 'b'] }), 'a: {}\nc: 2\n');
  assert.equal(edit('a: [1, 2, 3]\n', { kind: 'remove', path: ['a', 1] }), 'a: [1, 3]\n');
});

test('rename changes the key alone, in its quotes', () => {
  assert.equal(edit('whitelist: {names: []}\n', { kind: 'rename', path: ['whitelist'], key: 'allowlist' }), 'allowlist: {names: []}\n');
  assert.equal(edit('"a": 1\n', { kind: 'rename', path: ['a'], key: 'b' }), '"b": 1\n');
});

test('a value seen through an alias is written out where it was named', () => {
  const text = 'base: &base\n  bits: 4\nown: *base\n';
  assert.deepEqual(parseYaml(edit(text, { kind: 'set', path: ['own', 'bits'], value: 8 })).root?.value, { base: { bits: 4 }, own: { bits: 8 } });
});

test('edits of places that are not there change nothing', () => {
  for (const path of [['x'], ['approach', 'x'], ['types', 7]]) {
    assert.equal(edit(TEXT, { kind: 'remove', path }), TEXT);
    assert.equal(edit(TEXT, { kind: 'rename', path, key: 'y' }), TEXT);
  }
  assert.equal(edit(TEXT, { kind: 'set', path: ['approach', 'x'], value: 1 }), TEXT);
  assert.equal(edit('', { kind: 'set', path: ['x'], value: 1 }), '');
});

test('several edits become one replacement around what differs', () => {
  const edits: readonly Edit[] = [
    { kind: 'set', path: ['approach'], value: 'static' },
    { kind: 'remove', path: ['types', 1] },
  ];
  const replacements = editsToReplacements(TEXT, edits, 'yaml');
  assert.equal(replacements.length, 1);
  assert.equal(applyReplacements(TEXT, replacements), applyEdits(TEXT, edits, 'yaml'));
});

const key = fc.oneof(
  fc.constantFrom('a', 'bits', 'true', '1', 'x y', '- a', '#', ''),
  fc.string({ maxLength: 4 }).filter((one) => one !== '__proto__'),
);
const leaf = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
  fc.string({ maxLength: 8 }),
  fc.constantFrom('no', '1e5', 'a: b', '# c', '\n', ' x'),
);
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('any'), { maxLength: 3 }), fc.dictionary(key, tie('any'), { maxKeys: 3 })),
})).any;
const layout = fc.constantFrom(
  {},
  { indent: 4 },
  { indentSeq: false },
  { collectionStyle: 'flow' as const },
  { flowCollectionPadding: false, collectionStyle: 'flow' as const },
);

test('setting, renaming and removing members of any object gives that object', () => {
  fc.assert(
    fc.property(fc.dictionary(key, value, { maxKeys: 4 }), key, key, value, layout, (object, outer, name, set, options) => {
      const text = stringify(object, { lineWidth: 0, ...options });
      const json = (one: unknown): unknown => JSON.parse(JSON.stringify(one));
      const read = (one: string): unknown => parseYaml(one).root?.value;
      assert.deepEqual(json(read(text)), json(object));
      const withSet = edit(text, { kind: 'set', path: [name], value: set });
      assert.deepEqual(json(read(withSet)), json({ ...object, [name]: set }), `${text} -> ${withSet}`);
      const renamed = edit(withSet, { kind: 'rename', path: [name], key: '\u2192 new' });
      const { [name]: _moved, ...rest } = object;
      assert.deepEqual(json(read(renamed)), json({ ...rest, '\u2192 new': set }), `${withSet} -> ${renamed}`);
      assert.deepEqual(json(read(edit(renamed, { kind: 'remove', path: ['\u2192 new'] }))), json(rest), renamed);
      const deep = edit(text, { kind: 'set', path: ['\u2192 new', outer, name], value: set });
      assert.deepEqual(json(read(deep)), json({ ...object, '\u2192 new': { [outer]: { [name]: set } } }), `${text} -> ${deep}`);
    }),
    { numRuns: 400 },
  );
});

test('items of any list are replaced and removed', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), fc.nat(3), value, layout, (list, at, set, options) => {
      const index = at % list.length;
      const text = stringify({ top: { list, after: 1 } }, { lineWidth: 0, ...options });
      const read = (one: string): unknown => JSON.parse(JSON.stringify(Reflect.get(Object(parseYaml(one).root?.value), 'top')));
      const json = (one: unknown): unknown => JSON.parse(JSON.stringify(one));
      const replaced = edit(text, { kind: 'set', path: ['top', 'list', index], value: set });
      assert.deepEqual(read(replaced), json({ list: list.with(index, set), after: 1 }), `${text} -> ${replaced}`);
      const removed = edit(text, { kind: 'remove', path: ['top', 'list', index] });
      assert.deepEqual(read(removed), json({ list: list.toSpliced(index, 1), after: 1 }), `${text} -> ${removed}`);
    }),
    { numRuns: 400 },
  );
});
