// The judge over all runtimes: no row is told as no row, divisibility holds everywhere, the decisive verdict comes first.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkConfig } from '../check/check.ts';
import { sample } from '../testing/arbitrary-config.ts';
import { judge, llama, recipeOf, short } from '../testing/judging.ts';
import { runtimes } from './runtimes/index.ts';

const recipe = recipeOf('hf-gptq', { quant_method: 'gptq', bits: 4, group_size: 128 });
const qwen72b = llama({ hidden: 8192, intermediate: 29568 });

test('a runtime without rows is unknown', () => {
  for (const { id } of runtimes.filter((runtime) => runtime.rules.length === 0)) {
    assert.equal(short(judge(recipe, { runtime: id })), 'unknown NO-ROW');
  }
});

test('divisibility is refused where a model is split, along K for row-parallel layers', () => {
  const at = (tensorParallel: number, group = 128): string =>
    short(judge(recipeOf('hf-gptq', { quant_method: 'gptq', bits: 4, group_size: group }), { runtime: 'vllm', tensorParallel, model: qwen72b })).replace(
      /^supported.*/,
      'supported',
    );
  assert.deepEqual(
    [1, 2, 4, 8].map((tp) => at(tp)),
    ['supported', 'refused VL-GROUP-TP', 'refused VL-GROUP-TP', 'refused VL-GROUP-TP'],
  );
  assert.deepEqual([at(2, 64), at(4, 32), at(8, 32)], ['supported', 'supported', 'refused VL-GROUP-TP']);
});

test('an unknown device is told', () => {
  assert.ok(judge(recipe, { runtime: 'quantwright', device: 'abacus' }).some((verdict) => verdict.kind === 'unknown' && verdict.rule === 'NO-DEVICE'));
});

test('a refused recipe is never also called supported, and there is always a verdict', () => {
  fc.assert(
    fc.property(sample, ({ fileName, config, modelConfig, target }) => {
      const text = JSON.stringify(config);
      const { verdicts, recipe: lowered } = checkConfig({
        fileName,
        text,
        modelConfigText: JSON.stringify(modelConfig),
        targets: target === null ? [] : [target],
      });
      const kinds = verdicts.map((verdict) => verdict.kind);
      assert.ok(lowered === null || target === null || kinds.length > 0, text);
      assert.ok(!(kinds.includes('refused') && kinds.includes('supported')), text);
      assert.ok(!kinds.includes('refused') || kinds[0] === 'refused', text);
    }),
    { numRuns: 1000 },
  );
});
