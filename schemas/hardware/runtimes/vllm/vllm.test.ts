// vLLM's rules: for each, what it says no to and the value next to it that passes; the kernels named; the two states and the versions between.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelShape } from '../../../checkpoint/model-shape.ts';
import { baseRecipe } from '../../../recipe/base-recipe.ts';
import type { ActivationRecipe, KvCacheRecipe, QuantMethod, Recipe, WeightRecipe } from '../../../recipe/recipe.ts';
import { type Judging, judge, llama, recipeOf, short } from '../../../testing/judging.ts';
import { findRule, findRuntime } from '../index.ts';

const INT8: ActivationRecipe = { bits: 8, symmetric: true, granularity: 'per_token', dynamic: true };
const STATIC: ActivationRecipe = { bits: 8, symmetric: false, granularity: 'per_tensor', dynamic: false };
const FP8: ActivationRecipe = { dtype: 'fp8_e4m3', bits: 8, symmetric: true, granularity: 'per_token', dynamic: true };
const KV: KvCacheRecipe = { dtype: 'fp8_e4m3', bits: 8, method: null, symmetric: true, strategy: 'per_tensor', groupSize: null };

function of(scheme: string, method: QuantMethod, weights: Partial<WeightRecipe>, rest: Partial<Recipe> = {}): Recipe {
  return { ...baseRecipe('hf-gptq', scheme, [method], weights), ...rest };
}
const gptq = (weights: Partial<WeightRecipe> = {}, rest: Partial<Recipe> = {}): Recipe =>
  of('gptq', 'gptq', { bits: 4, groupSize: 128, ...weights }, { variant: 'gptq', ...rest });
const awq = (weights: Partial<WeightRecipe> = {}, variant = 'gemm'): Recipe =>
  of('awq', 'awq', { bits: 4, groupSize: 128, symmetric: false, zeroPoint: 'integer', ...weights }, { variant });
const ct = (weights: Partial<WeightRecipe>, activations: ActivationRecipe | null = null, rest: Partial<Recipe> = {}): Recipe =>
  of('compressed-tensors', 'rtn', weights, { activations, computeMethod: activations === null ? 'weight_only' : 'activate_quant', ...rest });
const fp8 = (block: readonly [number, number] | null = null, dynamic = true, rest: Partial<Recipe> = {}): Recipe =>
  of('fp8', 'fp8', { dtype: 'fp8_e4m3', bits: 8, block }, { activations: { ...FP8, dynamic }, computeMethod: 'activate_quant', ...rest });
const modelopt = (variant: string | null, weights: Partial<WeightRecipe> = { dtype: 'fp8_e4m3', bits: 8 }): Recipe =>
  of('modelopt', 'fp8', weights, { variant, activations: FP8, computeMethod: 'activate_quant' });
const other = (scheme: string, weights: Partial<WeightRecipe> = {}, rest: Partial<Recipe> = {}): Recipe => of(scheme, 'rtn', { bits: 4, ...weights }, rest);

const BLOCK = [128, 128] as const;
const small = llama({ hidden: 4096, intermediate: 11008 });
const qwen72 = llama({ hidden: 8192, intermediate: 29568 });
const qwen72half = llama({ hidden: 8192, intermediate: 29568, dtype: 'float16' });
const odd = llama({ hidden: 4096, intermediate: 11000 });
const experts = llama({ hidden: 2048, intermediate: 768, experts: 128 });
const even = llama({ hidden: 2048, intermediate: 1024, experts: 128 });

interface Case {
  readonly rule: string;
  readonly kind?: string;
  readonly bad: Recipe;
  readonly badAt?: Omit<Judging, 'runtime'>;
  readonly good: Recipe;
  readonly goodAt?: Omit<Judging, 'runtime'>;
}

const OLD = { version: '0.10' };
const t4 = { device: 't4' };
const a100 = { device: 'a100' };
const h100 = { device: 'h100' };
const b200 = { device: 'b200' };

/** Two cases for every rule: what it says, and the nearest thing about which it is silent. */
const CASES: readonly Case[] = [
  { rule: 'VL-CAP', bad: awq(), badAt: { device: 'v100' }, good: awq(), goodAt: t4 },
  { rule: 'VL-CAP', bad: fp8(), badAt: { device: 'v100' }, good: fp8(), goodAt: a100 },
  { rule: 'VL-CAP', bad: other('mxfp4', { dtype: 'mxfp4' }), badAt: t4, good: other('mxfp4', { dtype: 'mxfp4' }), goodAt: a100 },
  { rule: 'VL-CAP', bad: modelopt('FP8'), badAt: { ...a100, ...OLD }, good: modelopt('FP8'), goodAt: a100 },
  { rule: 'VL-CAP', bad: fp8(), badAt: { ...t4, ...OLD }, good: fp8(), goodAt: t4 },
  { rule: 'VL-CT-NOSCHEME', bad: ct({ bits: 8 }, { ...INT8, bits: 6 }), good: ct({ bits: 8 }, INT8) },
  { rule: 'VL-CT-NOSCHEME', bad: ct({ bits: 6 }, { ...INT8, bits: 6 }), good: ct({ bits: 8 }, { ...INT8, symmetric: false }) },
  { rule: 'VL-CT-NOSCHEME', bad: ct({ bits: 4 }, { ...INT8, bits: 4 }), good: ct({ bits: 8 }, INT8) },
  {
    rule: 'VL-CT-NOSCHEME',
    bad: ct({ bits: 8 }, { ...INT8, granularity: 'per_tensor' }),
    good: ct({ bits: 8 }, { ...INT8, granularity: 'per_tensor', dynamic: false }),
  },
  { rule: 'VL-CT-NOSCHEME', bad: ct({ bits: 8 }, { ...INT8, dynamic: false }), badAt: a100, good: ct({ bits: 8 }, INT8), goodAt: a100 },
  { rule: 'VL-CT-AZP', kind: 'unknown', bad: ct({ bits: 8 }, STATIC), good: ct({ bits: 8 }, { ...STATIC, symmetric: true }) },
  { rule: 'VL-CT-AZP', kind: 'unknown', bad: ct({ bits: 8 }, STATIC), badAt: a100, good: ct({ bits: 8 }, { ...INT8, symmetric: false }), goodAt: a100 },
  { rule: 'VL-TABLE', bad: gptq(), badAt: { device: 'armv9' }, good: gptq(), goodAt: { device: 'x86-amx' } },
  { rule: 'VL-TABLE', bad: fp8(), badAt: { device: 'x86-avx512' }, good: fp8(), goodAt: { device: 'mi300x' } },
  { rule: 'VL-TABLE', bad: ct({ bits: 4 }, INT8), badAt: a100, good: ct({ bits: 4 }, INT8), goodAt: { device: 'armv9' } },
  { rule: 'VL-BETWEEN', kind: 'unknown', bad: gptq({ symmetric: false }), badAt: { version: '0.15' }, good: gptq(), goodAt: { version: '0.15' } },
  {
    rule: 'VL-BETWEEN',
    kind: 'unknown',
    bad: ct({ bits: 4, groupSize: 128 }),
    badAt: { ...t4, version: '0.15' },
    good: ct({ bits: 4, groupSize: 128 }),
    goodAt: t4,
  },
  { rule: 'VL-DTYPE', bad: awq(), badAt: { ...t4, ...OLD, model: small }, good: awq(), goodAt: { ...t4, model: small } },
  {
    rule: 'VL-DTYPE',
    bad: gptq({ symmetric: false }),
    badAt: { ...a100, ...OLD, model: small },
    good: gptq({ symmetric: false }),
    goodAt: { ...a100, ...OLD, model: llama({ hidden: 4096, intermediate: 11008, dtype: 'float16' }) },
  },
  { rule: 'VL-NAME', bad: other('quanto'), good: other('quark') },
  { rule: 'VL-NAME', bad: other('eetq', { bits: 8 }), badAt: OLD, good: other('torchao'), goodAt: OLD },
  {
    rule: 'VL-PLUGIN',
    kind: 'unknown',
    bad: other('bitsandbytes', { dtype: 'nf4' }),
    badAt: a100,
    good: other('bitsandbytes', { dtype: 'nf4' }),
    goodAt: { ...a100, ...OLD },
  },
  { rule: 'VL-PLUGIN', kind: 'unknown', bad: other('gguf'), good: other('gguf'), goodAt: OLD },
  { rule: 'VL-GPTQ-TYPE', bad: gptq({ symmetric: false }), good: gptq() },
  { rule: 'VL-GPTQ-TYPE', bad: gptq({ bits: 3 }), good: gptq({ bits: 8 }) },
  { rule: 'VL-GPTQ-BITS', bad: gptq({ bits: 5 }), good: gptq({ bits: 4 }) },
  { rule: 'VL-GPTQ-BITS', bad: gptq({ bits: 6 }), badAt: OLD, good: gptq({ bits: 3 }), goodAt: OLD },
  { rule: 'VL-GPTQ-CC', bad: gptq(), badAt: { device: 'v100' }, good: gptq(), goodAt: t4 },
  { rule: 'VL-GPTQ-CC', bad: gptq({ bits: 8 }), badAt: { device: 'p40' }, good: gptq({ bits: 8 }), goodAt: { device: 'rtx 2080 ti' } },
  { rule: 'VL-GPTQ-V2', kind: 'ignored', bad: gptq({}, { variant: 'gptq_v2' }), good: gptq() },
  { rule: 'VL-GPTQ-V2', kind: 'ignored', bad: gptq({}, { variant: 'gptq_v2' }), badAt: OLD, good: gptq(), goodAt: OLD },
  { rule: 'VL-AWQ-BITS', bad: awq({ bits: 8 }), good: awq() },
  { rule: 'VL-AWQ-BITS', bad: awq({ bits: 3 }), badAt: OLD, good: awq(), goodAt: OLD },
  { rule: 'VL-AWQ-N', bad: awq(), badAt: { ...OLD, tensorParallel: 3, model: small }, good: awq(), goodAt: { ...OLD, tensorParallel: 2, model: small } },
  { rule: 'VL-AWQ-N', bad: awq(), badAt: { ...OLD, model: llama({ hidden: 1024, intermediate: 1026 }) }, good: awq(), goodAt: { model: small, ...OLD } },
  { rule: 'VL-AWQ-GEMM', kind: 'falls_back', bad: awq({ groupSize: 16 }), badAt: a100, good: awq({ groupSize: 32 }), goodAt: a100 },
  { rule: 'VL-AWQ-GEMM', kind: 'falls_back', bad: awq({ groupSize: 256 }), good: awq({ groupSize: -1 }) },
  { rule: 'VL-MARLIN-GROUP', bad: gptq({ groupSize: 256 }), good: gptq({ groupSize: 128 }) },
  { rule: 'VL-MARLIN-GROUP', bad: gptq({ groupSize: 16 }), badAt: a100, good: gptq({ groupSize: -1 }), goodAt: a100 },
  {
    rule: 'VL-MARLIN-K',
    bad: gptq({ groupSize: 64 }),
    badAt: { ...OLD, ...a100, tensorParallel: 2, model: qwen72 },
    good: gptq({ groupSize: 64 }),
    goodAt: { ...a100, tensorParallel: 2, model: qwen72 },
  },
  {
    rule: 'VL-MARLIN-K',
    bad: ct({ bits: 4, groupSize: 32 }),
    badAt: { ...OLD, ...a100, tensorParallel: 4, model: qwen72 },
    good: ct({ bits: 4, groupSize: 128 }),
    goodAt: { ...OLD, ...a100, model: qwen72 },
  },
  {
    rule: 'VL-MARLIN-N',
    bad: ct({ bits: 4, groupSize: 128 }),
    badAt: { ...OLD, ...a100, tensorParallel: 8, model: llama({ hidden: 2048, intermediate: 9216 + 80 }) },
    good: ct({ bits: 4, groupSize: 128 }),
    goodAt: { ...OLD, ...a100, tensorParallel: 8, model: llama({ hidden: 2048, intermediate: 8192 }) },
  },
  {
    rule: 'VL-EXLLAMA',
    kind: 'falls_back',
    bad: gptq({ groupSize: 64 }),
    badAt: { ...OLD, ...a100, tensorParallel: 2, model: qwen72half },
    good: gptq({ groupSize: 64 }),
    goodAt: { ...OLD, ...a100, model: qwen72half },
  },
  { rule: 'VL-EXLLAMA', kind: 'falls_back', bad: gptq(), badAt: { ...OLD, ...t4 }, good: gptq(), goodAt: { ...OLD, ...a100 } },
  { rule: 'VL-GROUP-TP', bad: awq(), badAt: { tensorParallel: 2, model: qwen72 }, good: awq({ groupSize: 64 }), goodAt: { tensorParallel: 2, model: qwen72 } },
  {
    rule: 'VL-GROUP-TP',
    bad: gptq({ groupSize: 32 }),
    badAt: { tensorParallel: 8, model: qwen72 },
    good: gptq({ groupSize: 32 }),
    goodAt: { tensorParallel: 4, model: qwen72 },
  },
  {
    rule: 'VL-GROUP-TP',
    bad: ct({ bits: 4, groupSize: 128 }),
    badAt: { tensorParallel: 4, model: experts },
    good: ct({ bits: 4, groupSize: 64 }),
    goodAt: { tensorParallel: 4, model: experts },
  },
  {
    rule: 'VL-MOE',
    kind: 'falls_back',
    bad: gptq(),
    badAt: { tensorParallel: 4, model: experts },
    good: gptq(),
    goodAt: { tensorParallel: 2, model: experts },
  },
  {
    rule: 'VL-MOE',
    kind: 'falls_back',
    bad: awq({ groupSize: 32 }),
    badAt: { tensorParallel: 8, model: experts },
    good: awq(),
    goodAt: { tensorParallel: 8, model: even },
  },
  { rule: 'VL-DESC-TP', kind: 'falls_back', bad: gptq({ descAct: true }), badAt: { tensorParallel: 2 }, good: gptq({ descAct: true }) },
  {
    rule: 'VL-DESC-TP',
    kind: 'falls_back',
    bad: ct({ bits: 4, groupSize: 128, descAct: true }),
    badAt: { tensorParallel: 4 },
    good: ct({ bits: 4, groupSize: 128 }),
    goodAt: { tensorParallel: 4 },
  },
  { rule: 'VL-DESC-G', kind: 'ignored', bad: gptq({ descAct: true, groupSize: -1 }), good: gptq({ descAct: true, groupSize: 128 }) },
  { rule: 'VL-DESC-G', kind: 'ignored', bad: gptq({ descAct: true, groupSize: -1 }), badAt: { tensorParallel: 2 }, good: gptq({ groupSize: -1 }) },
  { rule: 'VL-EXACT90', kind: 'falls_back', bad: gptq(), badAt: b200, good: gptq(), goodAt: h100 },
  {
    rule: 'VL-EXACT90',
    kind: 'falls_back',
    bad: ct({ bits: 4, groupSize: 128 }),
    badAt: { device: 'rtx 5090' },
    good: ct({ bits: 4, groupSize: 32 }),
    goodAt: { device: 'rtx 5090' },
  },
  { rule: 'VL-WNA16', bad: ct({ bits: 4, groupSize: 32 }, FP8), badAt: h100, good: ct({ bits: 4, groupSize: 128 }, FP8), goodAt: h100 },
  {
    rule: 'VL-WNA16',
    bad: ct({ bits: 4, groupSize: 16 }),
    badAt: { device: 'arc b580' },
    good: ct({ bits: 4, groupSize: 32 }),
    goodAt: { device: 'arc b580' },
  },
  { rule: 'VL-W4A8-90', bad: ct({ bits: 4, groupSize: 128 }, FP8), badAt: b200, good: ct({ bits: 4, groupSize: 128 }, FP8), goodAt: h100 },
  { rule: 'VL-W4A8-90', bad: ct({ bits: 4, groupSize: 128 }, FP8), badAt: { device: 'gb10' }, good: ct({ bits: 4, groupSize: 128 }, FP8) },
  { rule: 'VL-CT-CAP', bad: ct({ bits: 4, groupSize: 128 }), badAt: { device: 'v100' }, good: ct({ bits: 4, groupSize: 128 }), goodAt: t4 },
  { rule: 'VL-CT-CAP', bad: ct({ bits: 4, groupSize: 128 }, FP8), badAt: { device: 'l4' }, good: ct({ bits: 8 }, INT8), goodAt: { device: 'l4' } },
  { rule: 'VL-CT-CAP', bad: ct({ bits: 4, groupSize: 128 }), badAt: { ...t4, ...OLD }, good: ct({ bits: 4, groupSize: 128 }), goodAt: { ...a100, ...OLD } },
  { rule: 'VL-CT-NOSCHEME', bad: ct({ bits: 8, groupSize: 128 }, INT8), good: ct({ bits: 8 }, INT8) },
  { rule: 'VL-CT-NOSCHEME', bad: ct({ bits: 3, groupSize: 128 }), badAt: OLD, good: ct({ bits: 8, groupSize: 128 }), goodAt: OLD },
  {
    rule: 'VL-CT-FUSED',
    bad: ct({ bits: 4, groupSize: 128 }, null, { ignore: ['.*q_proj'] }),
    badAt: { model: small },
    good: ct({ bits: 4, groupSize: 128 }, null, { ignore: ['.*(q|k|v)_proj', 'lm_head'] }),
    goodAt: { model: small },
  },
  {
    rule: 'VL-CT-FUSED',
    bad: ct({ bits: 4, groupSize: 128 }, null, { overrides: [{ pattern: '.*up_proj', weights: { bits: 8 } }] }),
    badAt: { model: small },
    good: ct({ bits: 4, groupSize: 128 }, null, { overrides: [{ pattern: '.*o_proj', weights: { bits: 8 } }] }),
    goodAt: { model: small },
  },
  { rule: 'VL-CT-ASYM', bad: ct({ bits: 3, groupSize: 128, symmetric: false }), good: ct({ bits: 4, groupSize: 128, symmetric: false }) },
  { rule: 'VL-CT-ASYM', bad: ct({ bits: 2, symmetric: false }), badAt: OLD, good: ct({ bits: 4, symmetric: false }), goodAt: OLD },
  {
    rule: 'VL-CT-MOE-ASYM',
    bad: ct({ bits: 4, groupSize: 128, symmetric: false }),
    badAt: { model: even },
    good: ct({ bits: 4, groupSize: 128 }),
    goodAt: { model: even },
  },
  {
    rule: 'VL-CT-MOE-ASYM',
    bad: ct({ bits: 8, groupSize: 128, symmetric: false }),
    badAt: { model: even, ...h100 },
    good: ct({ bits: 8, groupSize: 128, symmetric: false }),
    goodAt: { model: small, ...h100 },
  },
  { rule: 'VL-CT-KV', bad: ct({ bits: 8 }, INT8, { kvCache: { ...KV, dtype: 'int' } }), good: ct({ bits: 8 }, INT8, { kvCache: KV }) },
  {
    rule: 'VL-CT-KV',
    bad: ct({ bits: 8 }, INT8, { kvCache: { ...KV, strategy: 'per_token' } }),
    good: ct({ bits: 8 }, INT8, { kvCache: { ...KV, strategy: 'per_head' } }),
  },
  { rule: 'VL-FP8-SCHEME', bad: fp8(BLOCK, false), good: fp8(BLOCK) },
  { rule: 'VL-FP8-SCHEME', bad: fp8([64, 64], false), good: fp8(null, false) },
  { rule: 'VL-FP8-W8A16', kind: 'falls_back', bad: fp8(), badAt: a100, good: fp8(), goodAt: { device: 'l4' } },
  {
    rule: 'VL-FP8-W8A16',
    kind: 'falls_back',
    bad: ct({ dtype: 'fp8_e4m3' }, FP8),
    badAt: { device: 'a40' },
    good: ct({ dtype: 'fp8_e4m3' }),
    goodAt: { device: 'a40' },
  },
  { rule: 'VL-FP8-B-N', bad: fp8(BLOCK), badAt: { tensorParallel: 8, model: experts }, good: fp8(BLOCK), goodAt: { tensorParallel: 2, model: experts } },
  { rule: 'VL-FP8-B-N', bad: fp8(BLOCK), badAt: { model: odd }, good: fp8(), goodAt: { model: odd } },
  { rule: 'VL-FP8-B-K', bad: fp8([32, 128]), badAt: { tensorParallel: 8, model: experts }, good: fp8([32, 32]), goodAt: { tensorParallel: 8, model: experts } },
  { rule: 'VL-FP8-B-K', bad: fp8([1, 128]), badAt: { tensorParallel: 2, model: qwen72 }, good: fp8([1, 64]), goodAt: { tensorParallel: 2, model: qwen72 } },
  {
    rule: 'VL-FP4-W4A16',
    kind: 'falls_back',
    bad: ct({ dtype: 'nvfp4', bits: 4, groupSize: 16 }, { ...FP8, dtype: 'nvfp4', bits: 4 }),
    badAt: h100,
    good: ct({ dtype: 'nvfp4', bits: 4, groupSize: 16 }, { ...FP8, dtype: 'nvfp4', bits: 4 }),
    goodAt: b200,
  },
  {
    rule: 'VL-FP4-W4A16',
    kind: 'falls_back',
    bad: modelopt('NVFP4', { dtype: 'nvfp4', bits: 4, groupSize: 16 }),
    badAt: { device: 'l4' },
    good: modelopt('NVFP4', { dtype: 'nvfp4', bits: 4, groupSize: 16 }),
    goodAt: { device: 'gb10' },
  },
  { rule: 'VL-KV-E5M2', bad: fp8(null, true, { kvCache: { ...KV, dtype: 'fp8_e5m2' } }), good: gptq({}, { kvCache: { ...KV, dtype: 'fp8_e5m2' } }) },
  { rule: 'VL-KV-E5M2', bad: ct({ dtype: 'fp8_e4m3' }, FP8, { kvCache: { ...KV, dtype: 'fp8_e5m2' } }), good: ct({ dtype: 'fp8_e4m3' }, FP8, { kvCache: KV }) },
  { rule: 'VL-KV-FP8-CC', bad: fp8(null, true, { kvCache: KV }), badAt: a100, good: fp8(null, true, { kvCache: KV }), goodAt: h100 },
  { rule: 'VL-KV-FP8-CC', bad: gptq({}, { kvCache: KV }), badAt: t4, good: gptq({}, { kvCache: KV }), goodAt: { device: 'l40s' } },
  { rule: 'VL-KV-FP8-CC', kind: 'unknown', bad: gptq({}, { kvCache: KV }), badAt: { ...a100, ...OLD }, good: gptq(), goodAt: { ...a100, ...OLD } },
  { rule: 'VL-INT8-BW', bad: ct({ bits: 8 }, INT8), badAt: { device: 'rtx 5090' }, good: ct({ bits: 8 }, INT8), goodAt: h100 },
  { rule: 'VL-INT8-BW', bad: ct({ bits: 8 }, INT8), badAt: b200, good: ct({ bits: 8, groupSize: 128 }), goodAt: b200 },
  { rule: 'VL-MODELOPT', bad: modelopt('W4A16_AWQ'), good: modelopt('FP8') },
  { rule: 'VL-MODELOPT', bad: modelopt('W4A8_AWQ'), badAt: { version: '0.15' }, good: modelopt('MIXED_PRECISION') },
  { rule: 'VL-MODELOPT-ALGO', bad: modelopt(null), good: modelopt('FP8') },
  { rule: 'VL-MODELOPT-ALGO', bad: modelopt(null), badAt: OLD, good: modelopt('NVFP4', { dtype: 'nvfp4' }), goodAt: OLD },
  {
    rule: 'VL-INC',
    kind: 'unknown',
    bad: other('auto-round', { symmetric: false, groupSize: 128 }, { variant: 'auto_round:auto_gptq' }),
    good: other('auto-round', { symmetric: false, groupSize: 128 }, { variant: 'auto_round:auto_awq' }),
  },
  {
    rule: 'VL-INC',
    kind: 'unknown',
    bad: other('auto-round', { symmetric: false }, { variant: 'auto_round' }),
    good: other('auto-round', { groupSize: 128 }, { variant: 'auto_round' }),
  },
];

for (const [index, { rule, kind, bad, badAt, good, goodAt }] of CASES.entries()) {
  test(`${rule} (${index})`, () => {
    const verdicts = judge(bad, { runtime: 'vllm', ...badAt });
    const verdict = verdicts.find((one) => one.kind !== 'supported' && one.rule === rule);
    assert.ok(verdict !== undefined && verdict.kind !== 'supported', short(verdicts));
    assert.equal(verdict.kind, kind ?? 'refused');
    assert.equal(verdict.source, findRule(rule)?.source);
    assert.match(verdict.message, /^vLLM/);
    const after = judge(good, { runtime: 'vllm', ...goodAt });
    assert.ok(!after.some((one) => one.kind !== 'supported' && one.rule === rule), JSON.stringify(after));
    assert.ok(!after.some((one) => one.kind === 'refused'), JSON.stringify(after));
  });
}

test('every rule has a case, a code and a range of versions', () => {
  const rules = findRuntime('vllm')?.rules ?? [];
  const tested = new Set(CASES.map(({ rule }) => rule));
  assert.deepEqual(
    rules.map(({ id }) => id).filter((id) => !tested.has(id)),
    ['VL-LAYOUT'],
  );
  assert.ok(rules.every(({ code, source, versions }) => /^QC\d{3}$/.test(code) && source !== '' && versions !== null));
});

test('the kernel that will run is named', () => {
  const kernels: readonly (readonly [Recipe, Omit<Judging, 'runtime'>, string])[] = [
    [gptq(), h100, 'Machete'],
    [gptq({ groupSize: 32 }), h100, 'Marlin'],
    [gptq(), a100, 'Marlin'],
    [gptq(), t4, 'Marlin'],
    [gptq({ bits: 8, groupSize: -1 }), { device: 'l4' }, 'AllSpark'],
    [gptq({ bits: 8, groupSize: -1 }), h100, 'Machete'],
    [awq(), h100, 'Machete'],
    [awq(), { ...h100, ...OLD }, 'Marlin'],
    [other('mxfp4', { dtype: 'mxfp4' }), a100, 'Marlin FP4 (MXFP4 weight-only)'],
    [other('mxfp4', { dtype: 'mxfp4' }), b200, 'MXFP4'],
    [ct({ bits: 8, groupSize: 128 }), a100, 'Marlin'],
    [ct({ bits: 4, groupSize: 128 }, FP8), h100, 'CUTLASS W4A8'],
    [ct({ bits: 8 }, INT8), a100, 'CUTLASS INT8 (W8A8)'],
    [fp8(BLOCK), h100, 'block-wise FP8 (W8A8)'],
    [ct({ bits: 4, groupSize: 128 }), { device: 'x86-avx512' }, 'CPU WNA16'],
    [gptq({ descAct: true }), { ...h100, tensorParallel: 2, model: small }, 'Machete; Marlin for o_proj, down_proj'],
    [gptq(), { ...a100, model: even }, 'Marlin; experts: Marlin MoE'],
    [gptq(), {}, 'Marlin, or Machete on compute capability 9.0'],
  ];
  for (const [recipe, at, kernel] of kernels) {
    const supported = judge(recipe, { runtime: 'vllm', ...at }).find((one) => one.kind === 'supported');
    assert.equal(supported?.kind === 'supported' ? supported.kernel : null, kernel, JSON.stringify(at));
    assert.match(supported?.source ?? '', /^vllm-project\/vllm /);
  }
});

test('sizes known to be bad, with the split that works', () => {
  const sizes: readonly (readonly [string, ModelShape, Recipe, number, RegExp])[] = [
    [
      'Qwen2 72B, group 128, tp 2',
      qwen72,
      gptq(),
      2,
      /down_proj K = 29568 \/ tp 2 = 14784; largest working tp is 1; the largest that works at tp 2 is group_size 64/,
    ],
    [
      'Qwen2 72B, group 64, tp 4',
      qwen72,
      gptq({ groupSize: 64 }),
      4,
      /29568 \/ tp 4 = 7392; largest working tp is 2; the largest that works at tp 4 is group_size 32/,
    ],
    ['Qwen2 72B, group 32, tp 8', qwen72, gptq({ groupSize: 32 }), 8, /29568 \/ tp 8 = 3696; largest working tp is 4; only group_size -1/],
    ['Qwen2 7B, tp 8', llama({ hidden: 4096, intermediate: 18944 }), awq(), 8, /18944 \/ tp 8 = 2368; largest working tp is 4/],
    ['Qwen2.5 14B, tp 8', llama({ hidden: 5120, intermediate: 13824 }), gptq(), 8, /13824 \/ tp 8 = 1728; largest working tp is 4/],
    ['DeepSeek-V2-Lite, tp 1', llama({ hidden: 2048, intermediate: 10944 }), gptq(), 1, /down_proj K = 10944; the largest that works is group_size 64/],
    ['Qwen3-30B-A3B, tp 4', experts, ct({ bits: 4, groupSize: 128 }), 4, /experts\.down_proj K = 768 \/ tp 4 = 192; largest working tp is 2/],
    [
      'DeepSeek FP8, shared expert, tp 32',
      llama({ hidden: 8192, intermediate: 2048 }),
      fp8(BLOCK),
      32,
      /weight block 128 does not divide gate_proj, up_proj N = 2048 \/ tp 32 = 64; largest working tp is 16/,
    ],
    [
      'experts of 1536, tp 16',
      llama({ hidden: 8192, intermediate: 1536, experts: 8 }),
      fp8(BLOCK),
      16,
      /weight block 128 does not divide experts\.gate_proj, experts\.up_proj N = 1536 \/ tp 16 = 96; largest working tp is 4/,
    ],
  ];
  for (const [name, model, recipe, tensorParallel, message] of sizes) {
    const [verdict] = judge(recipe, { runtime: 'vllm', model, tensorParallel });
    assert.match(verdict?.kind === 'refused' ? verdict.message : '', message, `${name}: ${short(judge(recipe, { runtime: 'vllm', model, tensorParallel }))}`);
  }
});

test('what our own methods save is judged, not how it was made', () => {
  const at = (config: Readonly<Record<string, unknown>>, device?: string): string =>
    short(judge(recipeOf('quantwright', config), { runtime: 'vllm', ...(device === undefined ? {} : { device }) }));
  assert.equal(at({ quant_method: 'rtn', weight_format: 'int4', group_size: 128 }, 'a100'), 'supported Marlin');
  assert.equal(at({ quant_method: 'rtn', weight_format: 'uint4', group_size: 128 }), 'refused VL-GPTQ-TYPE');
  assert.equal(at({ quant_method: 'rtn', weight_format: 'uint4', group_size: 128, save_format: 'compressed-tensors' }, 'a100'), 'supported Marlin');
  assert.equal(at({ quant_method: 'rtn', weight_format: 'int8', compute_method: 'activate_quant' }, 'a100'), 'supported CUTLASS INT8 (W8A8)');
  const [verdict] = judge(recipeOf('quantwright', { quant_method: 'instant_quant', weight_format: 'uint4', group_size: 128 }), { runtime: 'vllm' });
  assert.ok(verdict?.kind === 'refused' && verdict.rule === 'VL-LAYOUT');
  assert.equal(verdict.nearest?.value, 'gptq');
});

test('a rounding that always has a zero point is changed for another method; settings of a DashInfer call are not judged', () => {
  const instant = { quant_method: 'instant_quant', weight_format: 'uint4', group_size: 128 };
  const [verdict] = judge(recipeOf('quantwright', { ...instant, save_format: 'gptq' }), { runtime: 'vllm' });
  assert.ok(verdict?.kind === 'refused' && verdict.rule === 'VL-GPTQ-TYPE');
  assert.deepEqual([verdict.nearest?.field, verdict.nearest?.value, verdict.nearest?.also], ['methods', 'rtn', [{ field: 'weights.symmetric', value: true }]]);
  assert.equal(short(judge(recipeOf('dashinfer', instant), { runtime: 'vllm' })), 'unknown NO-ROW');
});

test('the words of the runtime carry the values', () => {
  const [verdict] = judge(gptq({ symmetric: false }), { runtime: 'vllm' });
  assert.equal(verdict?.kind === 'refused' ? verdict.runtimeWords : null, 'Unsupported quantization config: bits=4, sym=False');
  assert.equal(verdict?.kind === 'refused' ? verdict.nearest?.value : null, true);
});

test('versions before 0.10 have no rows, and patch releases are of their version', () => {
  assert.equal(short(judge(gptq({ symmetric: false }), { runtime: 'vllm', version: '0.9.2' })), 'unknown NO-ROW');
  assert.match(short(judge(gptq({ symmetric: false }), { runtime: 'vllm', version: '0.10.2' })), /^supported Exllama/);
  assert.equal(short(judge(gptq({ symmetric: false }), { runtime: 'vllm', version: '0.28.1' })), 'refused VL-GPTQ-TYPE');
});
