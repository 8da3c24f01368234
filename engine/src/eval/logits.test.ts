import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../errors.ts';
import { parseTokens } from './logits.ts';

test('a flat list is one sequence, lists are many', () => {
  assert.deepEqual(parseTokens([1, 2], 8, 4, 'f'), { sequences: [Int32Array.of(1, 2)], nested: false });
  assert.deepEqual(parseTokens([[1], [2, 3]], 8, 4, 'f'), { sequences: [Int32Array.of(1), Int32Array.of(2, 3)], nested: true });
});

test('bad entries are named by their place', () => {
  for (const [json, words] of [
    [{}, /list of token ids/],
    [[], /list of token ids/],
    [[1, 8], /entry 1 .* is 8; .* 0 to 7/],
    [[[1], [-1]], /entry 0 of sequence 1/],
    [[1.5], /1\.5/],
    [[1, 2, 3, 4, 5], /1 to 4 fit/],
    [[1, [2]], /entry 1/],
  ] as const) {
    assert.throws(
      () => parseTokens(json, 8, 4, 'f'),
      (error) => error instanceof EngineError && error.kind === 'input' && words.test(error.message),
      JSON.stringify(json),
    );
  }
});
