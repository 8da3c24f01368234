import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chosenBlocks } from './lkd-blocks.ts';

test('all of them, or those that are named, counted from either end', () => {
  assert.deepEqual(chosenBlocks({ blocks: 'all' }, 3), [0, 1, 2]);
  assert.deepEqual(chosenBlocks({ blocks: [-1, 0, 3, 0] }, 4), [0, 3]);
  assert.deepEqual(chosenBlocks({ blocks: [] }, 4), []);
});

test('a block that the model has not is named, with those it has', () => {
  assert.equal(chosenBlocks({ blocks: [0, 4] }, 4), '"lkd": block 4 is not one of the model\'s 4: 0 to 3, or -4 to -1 from the end');
  assert.match(String(chosenBlocks({ blocks: [-5] }, 4)), /block -5/);
});

test('whatever is named is refused, or comes in order and once', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -9, max: 9 })), fc.integer({ min: 1, max: 8 }), (blocks, layers) => {
      const chosen = chosenBlocks({ blocks }, layers);
      const known = blocks.every((block) => block >= -layers && block < layers);
      assert.equal(typeof chosen === 'string', !known);
      if (typeof chosen === 'string') return;
      const wanted = Array.from({ length: layers }, (_, at) => at).filter((at) => blocks.includes(at) || blocks.includes(at - layers));
      assert.deepEqual(chosen, wanted);
    }),
  );
});
