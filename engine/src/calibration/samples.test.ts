import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EngineError } from '../errors.ts';
import { cutSamples, requireTokens } from './samples.ts';

const text = (length: number): Int32Array => Int32Array.from({ length }, (_, index) => index);

test('sequences are spread over a text that is longer than needed', () => {
  const { sequences, warnings } = cutSamples(text(1000), { samples: 3, sequenceLength: 100, contextLength: 512 }, 'a.txt');
  assert.deepEqual(
    sequences.map((ids) => [ids[0], ids.length]),
    [
      [0, 100],
      [300, 100],
      [600, 100],
    ],
  );
  assert.deepEqual(warnings, []);
});

test('a short text gives what it has, and says so; long sequences are cut to the positions of the model', () => {
  const few = cutSamples(text(250), { samples: 128, sequenceLength: 100, contextLength: 512 }, 'a.txt');
  assert.equal(few.sequences.length, 2);
  assert.match(few.warnings.join(), /a\.txt has 250 tokens and gives 2 of 128 calibration sequences of 100 tokens/);
  const one = cutSamples(text(50), { samples: 1, sequenceLength: 100, contextLength: 512 }, 'a.txt');
  assert.deepEqual([one.sequences.length, one.sequences[0]?.length, one.warnings], [1, 50, []]);
  const cut = cutSamples(text(4096), { samples: 2, sequenceLength: 2048, contextLength: 1024 }, 'a.txt');
  assert.deepEqual([cut.sequences.map((ids) => ids.length), cut.warnings.length], [[1024, 1024], 1]);
});

test('sequences never overlap, are of one length, and lie in the text', () => {
  const size = fc.integer({ min: 1, max: 300 });
  fc.assert(
    fc.property(fc.integer({ min: 16, max: 2000 }), size, size, size, (length, samples, sequenceLength, contextLength) => {
      const { sequences } = cutSamples(text(length), { samples, sequenceLength, contextLength }, 'a.txt');
      const ids = sequences.flatMap((sequence) => [...sequence]);
      assert.equal(new Set(ids).size, ids.length);
      assert.ok(sequences.length >= 1 && sequences.length <= samples && ids.every((id) => id < length));
      assert.equal(new Set(sequences.map((sequence) => sequence.length)).size, 1);
    }),
  );
});

test('a seed draws sequences: equal seeds the same, other seeds others, never overlapping', () => {
  const size = fc.integer({ min: 1, max: 100 });
  fc.assert(
    fc.property(fc.integer({ min: 16, max: 4000 }), size, size, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (length, samples, sequenceLength, seed) => {
      const options = { samples, sequenceLength, contextLength: 512, seed };
      const { sequences } = cutSamples(text(length), options, 'a.txt');
      assert.deepEqual(cutSamples(text(length), options, 'a.txt').sequences, sequences);
      const ids = sequences.flatMap((sequence) => [...sequence]);
      assert.equal(new Set(ids).size, ids.length);
      assert.equal(ids.length, sequences.length * Math.min(sequenceLength, length));
      assert.ok(ids.every((id) => id >= 0 && id < length));
    }),
  );
  const firsts = (seed: number): readonly (number | undefined)[] =>
    cutSamples(text(100_000), { samples: 8, sequenceLength: 100, contextLength: 512, seed }, 'a.txt').sequences.map(([first]) => first);
  assert.notDeepEqual(firsts(1), firsts(2));
});

test('a text that is too short is refused with what it has and what is wanted', () => {
  const options = { samples: 128, sequenceLength: 512, contextLength: 512 };
  assert.throws(
    () => requireTokens(text(7), options, 'a.txt'),
    (error) =>
      error instanceof EngineError &&
      /a\.txt has 7 tokens, too few .*: at least 16 are needed, and 65536 are wanted \(128 sequences of 512\)/.test(error.message),
  );
  requireTokens(text(16), options, 'a.txt');
});
