// TensorRT-LLM: its hardware table cell by cell, ModelOpt's matrix for older GPUs, group sizes, and caches.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseRecipe } from '../../../recipe/base-recipe.ts';
import type { KvCacheRecipe, Recipe } from '../../../recipe/recipe.ts';
import { judge, llama, short } from '../../../testing/judging.ts';
import { findRuntime } from '../index.ts';

const of = (algorithm: string, groupSize?: number, kvCache: KvCacheRecipe | null = null): Recipe => ({
  ...baseRecipe('modelopt', 'modelopt', ['fp8'], { bits: 4, groupSize: groupSize ?? (/NVFP4/.test(algorithm) ? 16 : /MXFP/.test(algorithm) ? 32 : 128) }),
  variant: algorithm,
  kvCache,
});
const at = (recipe: Recipe, device?: string): string =>
  short(judge(recipe, { runtime: 'tensorrt-llm', intent: 'run', ...(device === undefined ? {} : { device }) }));

/** sm120, sm100, sm103, Hopper, Ada, Ampere. */
const DEVICES = ['nvidia-rtx-5090', 'nvidia-b200', 'nvidia-b300', 'nvidia-h100', 'nvidia-l4', 'nvidia-a100'];
const TABLE: Readonly<Record<string, string>> = {
  NVFP4: 'Y Y Y . . .',
  MXFP4: 'Y Y Y . . .',
  FP8: 'Y Y Y Y Y .',
  FP8_BLOCK_SCALES: '. Y Y Y . .',
  FP8_PER_CHANNEL_PER_TOKEN: '. . . Y . .',
  W4A8_AWQ: '. . . Y Y .',
  W4A16_AWQ: '. . . Y Y Y',
  W4A8_GPTQ: '. . . Y Y .',
  W4A16_GPTQ: '. . . Y Y Y',
};

for (const [algorithm, answers] of Object.entries(TABLE)) {
  test(`${algorithm}: every column of the table`, () => {
    const got = DEVICES.map((device) => at(of(algorithm), device));
    assert.equal(got.map((verdict) => (verdict.startsWith('supported') ? 'Y' : verdict.startsWith('refused') ? '.' : '?')).join(' '), answers, got.join('; '));
    assert.match(at(of(algorithm)), /^supported/);
  });
}

test('W4A8 below 8.9 has a rule of its own, and says what runs there', () => {
  const [verdict] = judge(of('W4A8_AWQ'), { runtime: 'tensorrt-llm', device: 'nvidia-a100', intent: 'run' });
  assert.ok(verdict?.kind === 'refused' && verdict.rule === 'TR-W4A8' && /8\.9/.test(verdict.message));
  assert.equal(at(of('W4A8_AWQ'), 'nvidia-b200'), 'refused TR-HW');
});

test("what the table does not name comes from ModelOpt's matrix, or is unknown", () => {
  assert.equal(at(of('FP8'), 'nvidia-t4'), 'refused MO-HW');
  assert.equal(at(of('W4A16_AWQ'), 'nvidia-v100'), 'refused MO-HW');
  assert.equal(at(of('INT8_SQ', -1), 'nvidia-a100'), 'supported INT8 SmoothQuant');
  assert.equal(at(of('INT8_SQ', -1), 'nvidia-t4'), 'refused MO-HW');
  assert.equal(at(of('FP8_BLOCK_SCALES'), 'nvidia-t4'), 'unknown NO-ROW');
  assert.equal(at(of('FP8'), 'nvidia-gb10'), 'unknown NO-ROW');
  assert.equal(at(of('FP8'), 'x86-amx'), 'unknown NO-ROW');
  assert.equal(at(of('W8A16'), 'nvidia-h100'), 'unknown NO-ROW');
  assert.equal(at(of('MIXED_PRECISION'), 'nvidia-h100'), 'unknown NO-ROW');
});

test('groups: 64 and 128 for integers, 16 for NVFP4, 32 for MXFP', () => {
  for (const size of [64, 128]) assert.match(at(of('W4A16_AWQ', size), 'nvidia-h100'), /^supported/);
  for (const size of [32, 256, -1]) assert.equal(at(of('W4A16_AWQ', size), 'nvidia-h100'), 'refused TR-G');
  assert.equal(at(of('NVFP4', 32), 'nvidia-b200'), 'refused MO-G');
  assert.equal(at(of('MXFP4', 16), 'nvidia-b200'), 'refused MO-G');
  const odd = llama({ hidden: 2048, intermediate: 5640 });
  assert.equal(short(judge(of('NVFP4'), { runtime: 'tensorrt-llm', model: odd, intent: 'run' })), 'refused DIV-K');
  const [verdict] = judge(of('W4A16_AWQ', 32), { runtime: 'tensorrt-llm', intent: 'run' });
  assert.ok(verdict?.kind === 'refused' && verdict.nearest?.value === 64);
});

test('an INT8 cache needs scales that the config cannot show; an FP8 one runs', () => {
  const cache = (dtype: 'int' | 'fp8_e4m3'): KvCacheRecipe => ({ dtype, bits: 8, method: null, symmetric: true, strategy: 'per_tensor', groupSize: null });
  assert.equal(at(of('FP8', -1, cache('int')), 'nvidia-h100'), 'unknown TR-KVINT8');
  assert.match(at(of('FP8', -1, cache('fp8_e4m3')), 'nvidia-h100'), /^supported/);
});

test('other schemes have no rows', () => {
  assert.equal(short(judge(baseRecipe('hf-awq', 'awq', ['awq'], {}), { runtime: 'tensorrt-llm', intent: 'run' })), 'unknown TR-READS');
  assert.match(short(judge({ ...of('FP8'), scheme: 'tensorrt-llm' }, { runtime: 'tensorrt-llm', intent: 'run' })), /^supported/);
  assert.ok((findRuntime('tensorrt-llm')?.rules ?? []).every(({ code, source }) => /^QC\d{3}$/.test(code) && source !== ''));
});
