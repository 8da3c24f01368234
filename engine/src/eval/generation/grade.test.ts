import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isRight, lastNumber, strictNumber } from './grade.ts';

test('the strict number stands behind ####, the flexible one is the last', () => {
  for (const [answer, strict, flexible] of [
    ['16 - 3 = 13\n#### 18', '18', '18'],
    ['#### -1,000.50 and then 7', '-1,000.50', '7'],
    ['She makes $18.', '[invalid]', '$18.'],
    ['####18', '[invalid]', '18'],
    ['first #### 3, then #### 4', '3,', '4'],
    ['no number at all', '[invalid]', '[invalid]'],
    // What the pattern of the harness finds too: two of its characters are a number.
    ['It is 5...', '[invalid]', '5...'],
  ] as const) {
    assert.deepEqual([strictNumber(answer), lastNumber(answer)], [strict, flexible], answer);
  }
});

test('numbers are compared without commas, dollars and a full stop at the end', () => {
  const expected = ['He has <<2*500=1000>>1,000 of them.\n#### 1,000'];
  assert.ok(isRight('exact_match', 'gsm8k', 'so\n#### 1000', expected));
  assert.ok(isRight('exact_match', 'gsm8k', '#### 1,000.', expected));
  assert.ok(!isRight('exact_match', 'gsm8k', 'so it is 1000', expected));
  assert.ok(isRight('exact_match_flexible', 'gsm8k', 'so it is $1,000.', expected));
  assert.ok(!isRight('exact_match_flexible', 'gsm8k', 'so it is 1000.0', expected));
  assert.ok(!isRight('exact_match_flexible', 'gsm8k', '', expected));
});

test('every whole number is found and equals itself, whatever stands before it', () => {
  fc.assert(
    fc.property(fc.integer(), fc.string(), (value, before) => {
      const solution = `because\n#### ${value.toLocaleString('en-US')}`;
      assert.ok(isRight('exact_match', 'gsm8k', `${before.replaceAll('#', '')}\n#### ${value}`, [solution]));
      assert.ok(isRight('exact_match_flexible', 'gsm8k', `${before} = ${value}`, [solution]));
    }),
  );
});

test('text is compared whole without the white space around it; a key may stand anywhere', () => {
  assert.ok(isRight('exact_match', 'text', ' blue\n', ['red', 'blue']));
  assert.ok(!isRight('exact_match', 'text', 'Blue', ['blue']));
  assert.ok(isRight('contains', 'text', 'It means one scale.', ['one scale']));
  assert.ok(!isRight('contains', 'text', 'It means One scale.', ['one scale']));
});
