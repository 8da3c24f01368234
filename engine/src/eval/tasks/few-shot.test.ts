import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { promptsOf } from './few-shot.ts';
import type { LikelihoodItem, LikelihoodTask } from './item.ts';

function taskOf(count: number, groups = 1): LikelihoodTask {
  const items = Array.from({ length: count }, (_, index): LikelihoodItem => {
    const pairs = ['no', 'yes'].map((continuation) => ({ context: `${index}?`, continuation }));
    return { index, kind: 'text', preamble: 'About it.\n\n', group: `${index % groups}`, pairs, gold: index % 2, truths: null };
  });
  return { name: 't', path: 't.jsonl', sha256: '', metrics: ['acc'], greedy: false, items };
}

test('examples stand solved before the question, parted by empty lines, after the preamble', () => {
  const task = taskOf(4);
  const [item] = task.items;
  assert.ok(item !== undefined);
  assert.equal(promptsOf(task, item, { count: 0, seed: 1, from: 'sampled' })[1]?.context, 'About it.\n\n0?');
  const fixed = promptsOf(task, item, { count: 2, seed: 1, from: { first: { ...task, items: task.items.slice(1) } } });
  assert.throws(
    () => promptsOf(taskOf(4, 2), item, { count: 2, seed: 1, from: 'sampled' }),
    /t\.jsonl \(0\): 2 few-shot examples are asked for and 1 are there/,
  );
  assert.deepEqual(fixed[1], { context: 'About it.\n\n1? yes\n\n2? no\n\n0?', continuation: 'yes' });
});

test('drawn examples are others, of the same group, and the same again for the same seed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 6, max: 30 }), fc.nat(), fc.nat(5), (count, seed, at) => {
      const task = taskOf(count, 2);
      const item = task.items[at] as LikelihoodItem;
      const draw = (): string => promptsOf(task, item, { count: 2, seed, from: 'sampled' })[0]?.context ?? '';
      const drawn = [...draw().matchAll(/(\d+)\? (?:no|yes)/g)].map((match) => Number(match[1]));
      assert.equal(draw(), draw());
      assert.equal(new Set(drawn).size, 2);
      for (const example of drawn) assert.ok(example !== at && example % 2 === at % 2 && example < count);
    }),
  );
});

test('every other item is drawn about equally often', () => {
  const task = taskOf(5);
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 4000; seed++) {
    const context = promptsOf(task, task.items[2] as LikelihoodItem, { count: 1, seed, from: 'sampled' })[0]?.context ?? '';
    const drawn = /(\d)\? (?:no|yes)/.exec(context)?.[1] ?? '';
    counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
  }
  assert.deepEqual([...counts.keys()].sort(), ['0', '1', '3', '4']);
  for (const [drawn, times] of counts) assert.ok(Math.abs(times - 1000) < 150, `${drawn}: ${times} of 4000`);
});
