import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutSamples } from './samples.ts';

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
  assert.match(few.warnings.join(), /a\.txt gives 2 of 128 calibration sequences of 100 tokens/);
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
