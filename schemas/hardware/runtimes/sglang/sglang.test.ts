// SGLang's rules: for each, two cases it says no to and the value next to them that passes; and where it is stricter than vLLM.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseRecipe } from '../../../recipe/base-recipe.ts';
import type { ActivationRecipe, QuantMethod, Recipe, WeightRecipe } from '../../../recipe/recipe.ts';
import { type Judging, judge, llama, recipeOf, short } from '../../../testing/judging.ts';
import { findRule, findRuntime } from '../index.ts';

const FP8: ActivationRecipe = { dtype: 'fp8_e4m3', bits: 8, symmetric: true, granularity: 'per_token', dynamic: true };
const INT8: ActivationRecipe = { bits: 8, symmetric: true, granularity: 'per_token', dynamic: true };
const of = (scheme: string, method: QuantMethod, weights: Partial<WeightRecipe>, rest: Partial<Recipe> = {}): Recipe => ({
  ...baseRecipe('hf-gptq', scheme, [method], weights),
  ...rest,
});
const gptq = (weights: Partial<WeightRecipe> = {}, rest: Partial<Recipe> = {}): Recipe =>
  of('gptq', 'gptq', { bits: 4, groupSize: 128, ...weights }, { variant: 'gptq', ...rest });
const awq = (weights: Partial<WeightRecipe> = {}): Recipe =>
  of('awq', 'awq', { bits: 4, groupSize: 128, symmetric: false, zeroPoint: 'integer', ...weights }, { variant: 'gemm' });
const fp8 = (block: readonly [number, number] | null = null): Recipe =>
  of('fp8', 'fp8', { dtype: 'fp8_e4m3', bits: 8, block }, { activations: FP8, computeMethod: 'activate_quant' });
const ct = (weights: Partial<WeightRecipe>, activations: ActivationRecipe | null = null): Recipe => of('compressed-tensors', 'rtn', weights, { activations });
const modelopt = (variant: string): Recipe => of('modelopt', 'fp8', { dtype: 'fp8_e4m3' }, { variant });

const bf16 = llama({ hidden: 4096, intermediate: 11008 });
const half = llama({ hidden: 4096, intermediate: 11008, dtype: 'float16' });
const qwen72 = llama({ hidden: 8192, intermediate: 29568 });
const deepseek = llama({ hidden: 8192, intermediate: 2048 });
const OVERRIDE = [{ pattern: '.*q_proj', weights: { bits: 8 } }];

interface Case {
  readonly rule: string;
  readonly kind?: string;
  readonly bad: Recipe;
  readonly badAt?: Omit<Judging, 'runtime'>;
  readonly good: Recipe;
  readonly goodAt?: Omit<Judging, 'runtime'>;
}

const CASES: readonly Case[] = [
  { rule: 'SG-CAP', bad: ct({ bits: 4, groupSize: 128 }), badAt: { device: 't4' }, good: ct({ bits: 4, groupSize: 128 }), goodAt: { device: 'a100' } },
  { rule: 'SG-CAP', bad: modelopt('NVFP4'), badAt: { device: 'h100' }, good: modelopt('NVFP4'), goodAt: { device: 'b200' } },
  { rule: 'SG-CAP', bad: fp8(), badAt: { device: 't4' }, good: fp8(), goodAt: { device: 'l4' } },
  { rule: 'SG-CAP', bad: ct({ bits: 8 }, INT8), badAt: { device: 't4' }, good: ct({ bits: 8 }, INT8), goodAt: { device: 'a10' } },
  { rule: 'SG-ACT', kind: 'ignored', bad: ct({ bits: 8 }, { ...INT8, symmetric: false }), good: ct({ bits: 8 }, INT8) },
  { rule: 'SG-ACT', kind: 'ignored', bad: ct({ bits: 8 }, { ...INT8, granularity: 'per_tensor', dynamic: false }), good: ct({ bits: 8 }, INT8) },
  { rule: 'SG-DTYPE', bad: gptq({ symmetric: false }), badAt: { device: 'a100', model: bf16 }, good: gptq(), goodAt: { device: 'a100', model: bf16 } },
  { rule: 'SG-DTYPE', bad: awq(), badAt: { device: 't4', model: bf16 }, good: awq(), goodAt: { device: 't4', model: half } },
  { rule: 'SG-GPTQ-BITS', bad: gptq({ bits: 5 }), good: gptq({ bits: 3 }) },
  { rule: 'SG-GPTQ-BITS', bad: gptq({ bits: 6 }), badAt: { device: 'a100' }, good: gptq({ bits: 8 }), goodAt: { device: 'a100' } },
  { rule: 'SG-AWQ-BITS', bad: awq({ bits: 3 }), good: awq() },
  { rule: 'SG-AWQ-BITS', bad: awq({ bits: 2 }), badAt: { device: 'a100' }, good: awq(), goodAt: { device: 'a100' } },
  { rule: 'SG-FP16', kind: 'falls_back', bad: gptq({ groupSize: 256 }), badAt: { model: half }, good: gptq(), goodAt: { model: half } },
  { rule: 'SG-FP16', kind: 'falls_back', bad: awq(), badAt: { device: 't4' }, good: awq(), goodAt: { device: 'a100' } },
  { rule: 'SG-GROUP-TP', bad: awq(), badAt: { model: qwen72, tensorParallel: 8 }, good: awq(), goodAt: { model: qwen72 } },
  {
    rule: 'SG-GROUP-TP',
    bad: gptq(),
    badAt: { model: qwen72, tensorParallel: 2 },
    good: gptq({ groupSize: 64 }),
    goodAt: { model: qwen72, tensorParallel: 2 },
  },
  {
    rule: 'SG-BLOCK',
    bad: fp8([128, 128]),
    badAt: { model: deepseek, tensorParallel: 32 },
    good: fp8([128, 128]),
    goodAt: { model: deepseek, tensorParallel: 16 },
  },
  {
    rule: 'SG-BLOCK',
    bad: ct({ dtype: 'fp8_e4m3', block: [128, 128] }, FP8),
    badAt: { model: llama({ hidden: 4096, intermediate: 11000 }) },
    good: ct({ dtype: 'fp8_e4m3' }, FP8),
    goodAt: { model: llama({ hidden: 4096, intermediate: 11000 }) },
  },
  { rule: 'SG-BLOCK-K', bad: fp8([1, 128]), badAt: { model: qwen72, tensorParallel: 2 }, good: fp8([1, 64]), goodAt: { model: qwen72, tensorParallel: 2 } },
  {
    rule: 'SG-BLOCK-K',
    bad: fp8([32, 128]),
    badAt: { model: deepseek, tensorParallel: 32 },
    good: fp8([32, 64]),
    goodAt: { model: deepseek, tensorParallel: 32 },
  },
  {
    rule: 'SG-MIX',
    bad: gptq({}, { overrides: OVERRIDE }),
    badAt: { model: bf16 },
    good: gptq({}, { overrides: [{ pattern: '.*(q|k|v)_proj', weights: { bits: 8 } }] }),
    goodAt: { model: bf16 },
  },
  {
    rule: 'SG-MIX',
    bad: gptq({}, { overrides: [{ pattern: '.*layers\\.1\\.mlp\\.up_proj', weights: { bits: 8 } }] }),
    badAt: { model: bf16 },
    good: gptq({}, { overrides: [{ pattern: '.*down_proj', weights: { bits: 8 } }] }),
    goodAt: { model: bf16 },
  },
  { rule: 'SG-DESC-G', kind: 'ignored', bad: gptq({ descAct: true, groupSize: -1 }), good: gptq({ descAct: true }) },
  {
    rule: 'SG-DESC-G',
    kind: 'ignored',
    bad: gptq({ descAct: true, groupSize: -1, bits: 8 }),
    badAt: { device: 'a100' },
    good: gptq({ groupSize: -1 }),
    goodAt: { device: 'a100' },
  },
  { rule: 'SG-FP8-W8A16', kind: 'falls_back', bad: fp8(), badAt: { device: 'a100' }, good: fp8(), goodAt: { device: 'l40s' } },
  { rule: 'SG-FP8-W8A16', kind: 'falls_back', bad: fp8([128, 128]), badAt: { device: 'rtx 3090' }, good: fp8([128, 128]), goodAt: { device: 'h20' } },
];

for (const [index, { rule, kind, bad, badAt, good, goodAt }] of CASES.entries()) {
  test(`${rule} (${index})`, () => {
    const verdicts = judge(bad, { runtime: 'sglang', ...badAt });
    const verdict = verdicts.find((one) => one.kind !== 'supported' && one.rule === rule);
    assert.ok(verdict !== undefined && verdict.kind !== 'supported', short(verdicts));
    assert.equal(verdict.kind, kind ?? 'refused');
    assert.equal(verdict.source, findRule(rule)?.source);
    const after = judge(good, { runtime: 'sglang', ...goodAt });
    assert.ok(!after.some((one) => one.kind === 'refused' || (one.kind !== 'supported' && one.rule === rule)), JSON.stringify(after));
  });
}

test('every rule has a case, a code and a range of versions', () => {
  const tested = new Set(CASES.map(({ rule }) => rule));
  const rules = findRuntime('sglang')?.rules ?? [];
  assert.deepEqual(
    rules.map(({ id }) => id).filter((id) => !tested.has(id)),
    ['SG-LAYOUT'],
  );
  assert.ok(rules.every(({ code, versions }) => /^QC\d{3}$/.test(code) && versions === '>=0.5.16'));
});

test('stricter than vLLM: the same weights on the same GPU', () => {
  const both = (recipe: Recipe, device: string): readonly string[] =>
    (['vllm', 'sglang'] as const).map((runtime) => judge(recipe, { runtime, device })[0]?.kind ?? '');
  assert.deepEqual(both(ct({ bits: 4, groupSize: 128 }), 't4'), ['supported', 'refused']);
  assert.deepEqual(both(fp8(), 't4'), ['falls_back', 'refused']);
  assert.deepEqual(both(ct({ dtype: 'nvfp4', bits: 4, groupSize: 16 }, { ...FP8, dtype: 'nvfp4', bits: 4 }), 'h100'), ['falls_back', 'refused']);
  assert.deepEqual(both(ct({ bits: 4, groupSize: 128 }), 'a100'), ['supported', 'supported']);
});

test('what was not read is said, never guessed', () => {
  const of = (recipe: Recipe, at: Omit<Judging, 'runtime'> = {}): string => short(judge(recipe, { runtime: 'sglang', ...at }));
  assert.equal(of(gptq(), { device: 'mi300x' }), 'unknown NO-ROW');
  assert.equal(of(modelopt('W4A16_AWQ')), 'unknown NO-ROW');
  assert.equal(of(gptq({ bits: 5 }), { version: '0.5.2' }), 'unknown NO-ROW');
  assert.equal(of(recipeOf('quantwright', { quant_method: 'instant_quant', weight_format: 'uint4' })), 'refused SG-LAYOUT');
  assert.equal(of(recipeOf('quantwright', { quant_method: 'rtn', weight_format: 'int4', group_size: 128 }), { device: 'a100' }), 'supported Marlin');
});
