import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from './errors.ts';
import { printable } from './printable.ts';

test('control characters are spelled, everything else stays', () => {
  assert.equal(printable('a\u001b[2Jb\u009bc\u007f\r'), 'a\\x1b[2Jb\\x9bc\\x7f\\x0d');
  assert.equal(printable('two\nlines\té \u{1f600} \u00a0'), 'two\nlines\té \u{1f600} \u00a0');
});

test('no error message can drive a terminal', () => {
  assert.equal(new EngineError('checkpoint', 'tensor \u001b]0;owned\u0007').message, 'tensor \\x1b]0;owned\\x07');
});
