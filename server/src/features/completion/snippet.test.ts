import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valueSnippet } from './snippet.ts';

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: snippet syntax looks like template strings
const table: readonly (readonly [unknown, readonly unknown[], string])[] = [
  ['int8', ['int8', 'uint4'], '"${1|int8,uint4|}"'],
  [64, [128, 64], '${1|64,128|}'],
  ['only', [], '"${1:only}"'],
  ['a$b', [], '"${1:a\\$b}"'],
  ['a,b', ['c|d'], '"${1|a\\,b,c\\|d|}"'],
  [null, [128], '${1|null,128|}'],
  [[], [], '[$1]'],
  [{}, [], '{ $1 }'],
  [{ a: 1 }, [], '${1:{"a":1\\}}'],
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: see above
for (const [chosen, choices, expected] of table) {
  test(`${JSON.stringify(chosen)} out of ${JSON.stringify(choices)} becomes ${expected}`, () => assert.equal(valueSnippet(chosen, choices), expected));
}
