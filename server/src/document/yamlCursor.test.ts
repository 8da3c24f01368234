import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { yamlCursorAt } from './yamlCursor.ts';

function describe(marked: string): string {
  const offset = marked.indexOf('|');
  const text = marked.slice(0, offset) + marked.slice(offset + 1);
  const cursor = yamlCursorAt(text, offset);
  if (cursor.kind === 'none') return 'none';
  const path = (cursor.kind === 'key' ? cursor.objectPath : cursor.path).join('/');
  return `${cursor.kind} ${path}[${text.slice(cursor.replace.start, cursor.replace.end)}]${cursor.kind === 'key' && cursor.hasColon ? ' colon' : ''}`;
}

const table: readonly (readonly [string, string])[] = [
  ['|', 'key []'],
  ['gro|', 'key [gro]'],
  ['a: 1\ngro|', 'key [gro]'],
  ['gro|up: 1', 'key [group] colon'],
  ['a: |', 'value a[]'],
  ['a: in|t8', 'value a[int8]'],
  ['a: in|t8 # why', 'value a[int8]'],
  ['a:\n  b: |', 'value a/b[]'],
  ['a:\n  b:\n    c: 1\n  d|', 'key a[d]'],
  ['a:\n  b:\n    |', 'key a/b[]'],
  ['a:\n  - x\n  - y|', 'value a/1[y]'],
  ['a:\n- x\n- |', 'value a/1[]'],
  ['a:\n  - b: 1\n    c: |', 'value a/0/c[]'],
  ['a:\n  - b: 1\n  - b: |', 'value a/1/b[]'],
  ['a: [x, "y|"]', 'value a/1["y"]'],
  ['a: {b: |}', 'value a/b[]'],
  ['# a comm|ent', 'none'],
];
for (const [marked, expected] of table) {
  test(`YAML cursor in ${marked.replaceAll('\n', '\\n')} is at ${expected}`, () => assert.equal(describe(marked), expected));
}

test('a cursor is found in every text at every place, and replaces only text that is there', () => {
  const piece = fc.constantFrom('a:', '- ', '  ', '\n', ' ', '{', ']', '"', "'", '#', 'x', '1', '\r\n', '😀');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
      fc.nat(80),
      (text, place) => {
        const offset = Math.min(place, text.length);
        const cursor = yamlCursorAt(text, offset);
        if (cursor.kind !== 'none') assert.ok(cursor.replace.start <= offset && offset <= cursor.replace.end && cursor.replace.end <= text.length);
      },
    ),
  );
});
