// Greedy answers to all held-out questions against transformers (../shared/reference/eval-oracle.md, section 3): which items are right, and how many. Without
// ../shared this test says so and is skipped.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { measureTasks } from '@quantwright/engine/eval/tasks/measure';
import { planTasks } from '@quantwright/engine/eval/tasks/plan';
import { loadBinding } from '@quantwright/engine/jobs/binding';
import { loadModel } from '@quantwright/engine/model/load';

const shared = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..', 'shared');
const oracle = join(shared, 'reference', 'oracle', 'quant_qa.json');
const skip = existsSync(oracle) ? false : '../shared/reference/oracle is absent';
/** Two logits on the way are within 0.0012 of each other: another order of summation may choose the other. */
const nearTie = 194;

test('quant QA, greedy: 219 of 287, item for item those of the reference', { skip }, async () => {
  const { greedy_items: expected } = JSON.parse(readFileSync(oracle, 'utf8')) as { readonly greedy_items: readonly (readonly [number, ...unknown[]])[] };
  const model = await loadModel(join(shared, 'models', 'quill-16m'), { binding: await loadBinding() });
  const plans = await planTasks([{ name: 'quant_qa_generate', path: join(shared, 'models', 'eval', 'quant_qa_heldout.jsonl') }], {});
  const [finished] = await measureTasks(model, plans, { bos: false, journal: null });
  const right = finished?.items.filter(({ correct }) => correct).length ?? 0;
  console.log(`quant QA, greedy: ${right} of ${finished?.items.length}, reference 219 of 287`);
  for (const [index, { correct }] of (finished?.items ?? []).entries()) {
    if (index !== nearTie) assert.equal(correct, Boolean(expected[index]?.[0]), `item ${index}`);
  }
  assert.equal(finished?.items.length, 287);
  assert.ok(Math.abs(right - 219) <= 1);
});
