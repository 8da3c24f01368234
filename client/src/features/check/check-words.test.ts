import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkWords } from './check-words.ts';

test('the message counts, and names format and target', () => {
  const words = checkWords('a.quant.json', { format: 'quantwright', verdicts: [], errors: 1, warnings: 0 }, [
    { runtime: 'dashinfer', version: null, device: 'nvidia-h100', tensorParallel: 1 },
  ]);
  assert.equal(words, 'a.quant.json: 1 error, no warnings. Format quantwright; judged for dashinfer · h100 · tp 1.');
});

test('a file of no known format is said to be none', () => {
  assert.match(checkWords('tsconfig.json', { format: null, verdicts: [], errors: 0, warnings: 0 }, []), /not a quantization config/);
});

test('without a target the message says what was not checked', () => {
  assert.match(checkWords('q.json', { format: 'dashinfer', verdicts: [], errors: 0, warnings: 2 }, []), /2 warnings.*no target selected/);
});
