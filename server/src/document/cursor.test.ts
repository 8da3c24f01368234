import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Cursor, cursorAt } from './cursor.ts';

/** What stands at the marker, in one line: kind, path, [replaced text], and the commas an insertion would need. */
function describe(marked: string): string {
  const offset = marked.indexOf('|');
  const text = marked.slice(0, offset) + marked.slice(offset + 1);
  const cursor: Cursor = cursorAt(text, offset);
  if (cursor.kind === 'none') return 'none';
  const path = (cursor.kind === 'key' ? cursor.objectPath : cursor.path).join('/');
  const before = cursor.commaBefore === null ? '' : ` comma@${cursor.commaBefore}`;
  const colon = cursor.kind === 'key' && cursor.hasColon ? ' colon' : '';
  return `${cursor.kind} ${path}[${text.slice(cursor.replace.start, cursor.replace.end)}]${before}${cursor.commaAfter ? ' comma-after' : ''}${colon}`.trim();
}

const table: readonly (readonly [string, string])[] = [
  ['{|}', 'key []'],
  ['{ | }', 'key []'],
  ['{ "gro|" }', 'key ["gro"]'],
  ['{ gro| }', 'key [gro]'],
  ['{ "a": 1, | }', 'key []'],
  ['{ "a": 1 | }', 'key [] comma@8'],
  ['{ "a": 1\n  "b|" }', 'key ["b"] comma@8'],
  ['{ | "a": 1 }', 'key [] comma-after'],
  ['{ "b|": 2 }', 'key ["b"] colon'],
  ['{ "a": | }', 'value a[]'],
  ['{ "a": "in|" }', 'value a["in"]'],
  ['{ "a": "in|', 'value a["in]'],
  ['{ "a": |\n "b": 1 }', 'value a[] comma-after'],
  ['{ "a": 12| }', 'value a[12]'],
  ['{ "a" | }', 'none'],
  ['{ "a": [|] }', 'value a/0[]'],
  ['{ "a": ["x", "y|"] }', 'value a/1["y"]'],
  ['{ "a": ["x" |] }', 'value a/1[] comma@11'],
  ['{ "q": { "a": 1 }, "r": { | } }', 'key r[]'],
  ['{ "q": { "a": 1, "b": { "c": | } } }', 'value q/b/c[]'],
  ['{ "q": [ { "n": | } ] }', 'value q/0/n[]'],
  ['{ "q": { |', 'key q[]'],
  ['{ // a com|ment\n }', 'none'],
  ['{ /* a */ | }', 'key []'],
  ['{ "a": "escaped \\" quote|" }', 'value a["escaped \\" quote"]'],
  ['|', 'none'],
  ['} | {', 'none'],
];

for (const [marked, expected] of table) {
  test(`cursor in ${marked.replaceAll('\n', '\\n')} is at ${expected}`, () => assert.equal(describe(marked), expected));
}

test('a cursor is found in every text at every place, and replaces only text that is there', () => {
  const piece = fc.constantFrom('{', '}', '[', ']', ':', ',', '"', '"a"', '1', ' ', '\n', '//', '/*', '*/', '\\', 'é', '😀', 'null');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
      fc.nat(60),
      (text, place) => {
        const offset = Math.min(place, text.length);
        const cursor = cursorAt(text, offset);
        if (cursor.kind === 'none') return;
        assert.ok(cursor.replace.start <= offset && offset <= cursor.replace.end);
        assert.ok(cursor.commaBefore === null || cursor.commaBefore <= cursor.replace.start);
      },
    ),
  );
});
