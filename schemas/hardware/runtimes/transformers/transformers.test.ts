// Transformers: the table of its document column by column, what FP8 and MXFP4 do below their capability, and GPTQModel's kernels.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseRecipe } from '../../../recipe/base-recipe.ts';
import type { Recipe, WeightRecipe } from '../../../recipe/recipe.ts';
import { judge, llama, recipeOf, short } from '../../../testing/judging.ts';
import { findRuntime } from '../index.ts';
import { overview } from './overview.ts';

const of = (scheme: string, weights: Partial<WeightRecipe> = {}): Recipe =>
  baseRecipe(`hf-${scheme}`, scheme, ['rtn'], { bits: 4, groupSize: 128, ...weights });
const at = (recipe: Recipe, device?: string, version?: string): string =>
  short(judge(recipe, { runtime: 'transformers', intent: 'run', ...(device === undefined ? {} : { device }), ...(version === undefined ? {} : { version }) }));

/** scheme -> CPU, AMD, Apple, Intel GPU as the document has them; ? where it says part, differs between versions, or has no row. */
const TABLE: Readonly<Record<string, string>> = {
  aqlm: 'yes no no no',
  'auto-round': 'yes no no yes',
  awq: '? yes no ?',
  bitsandbytes: '? ? no ?',
  'compressed-tensors': 'yes yes no no',
  eetq: 'no no no no',
  fbgemm_fp8: 'no no no no',
  fp8: 'no no no yes',
  gguf: 'yes no yes no',
  gptq: 'yes yes yes yes',
  higgs: 'no no no no',
  hqq: 'yes no no no',
  quanto: 'yes no yes no',
  torchao: '? no ? no',
  vptq: 'no ? no no',
  spqr: 'no ? ? ?',
  mxfp4: '? ? ? ?',
};
const WORDS: Readonly<Record<string, string>> = { supported: 'yes', refused: 'no', unknown: '?' };

for (const [scheme, answers] of Object.entries(TABLE)) {
  test(`${scheme}: every column of the document`, () => {
    const got = ['x86-amx', 'amd-mi300x', 'apple-silicon', 'intel-arc-b580'].map((device) => WORDS[at(of(scheme), device).split(' ')[0] ?? '']);
    assert.equal(got.join(' '), answers);
    assert.match(at(of(scheme), 'nvidia-h100'), /^supported /);
    assert.match(at(of(scheme)), /^supported /);
  });
}

test('the table here names every row', () => {
  assert.deepEqual(overview.map(({ scheme }) => scheme).sort(), Object.keys(TABLE).sort());
});

test('an ARM CPU has the CPU column, and a device without a column is unknown', () => {
  assert.equal(at(of('eetq'), 'armv9-sve'), 'refused HF-GPU');
  assert.equal(at(of('fbgemm_fp8'), 'x86-avx2'), 'refused HF-TABLE');
  assert.equal(at(of('hqq'), 'intel-gaudi2'), 'unknown NO-ROW');
});

test('below its capability FP8 and MXFP4 dequantize, FBGEMM refuses', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['fp8', 'nvidia-a100', 'dequantizes HF-FP8'],
    ['fp8', 'nvidia-rtx-3090', 'dequantizes HF-FP8'],
    ['fp8', 'nvidia-l4', 'supported fine-grained FP8'],
    ['fbgemm_fp8', 'nvidia-l4', 'refused HF-FBGEMM'],
    ['fbgemm_fp8', 'nvidia-h100', 'supported fbgemm'],
    ['mxfp4', 'nvidia-v100', 'dequantizes HF-MXFP4'],
    ['mxfp4', 'nvidia-t4', 'supported MXFP4 (Triton 3.4 and the kernels package)'],
  ];
  for (const [scheme, device, expected] of cases) assert.equal(at(of(scheme), device), expected, `${scheme} ${device}`);
  const [verdict] = judge(of('fp8'), { runtime: 'transformers', device: 'nvidia-a100', intent: 'run' });
  assert.ok(verdict?.kind === 'dequantizes' && /twice the memory/.test(verdict.message) && /actual = `8\.0`/.test(verdict.runtimeWords ?? ''));
});

test('methods that it does not know are skipped, and their weights load as garbage', () => {
  for (const scheme of ['modelopt', 'exl2', 'inc']) assert.equal(at(of(scheme)), 'ignored HF-NAME');
  for (const scheme of ['quark', 'bitnet', 'sinq']) assert.equal(at(of(scheme), 'nvidia-h100'), 'unknown NO-ROW');
});

test('GPTQ runs on the first kernel of GPTQModel that takes it', () => {
  const gptq = (weights: Partial<WeightRecipe>): Recipe => of('gptq', { signed: false, zeroPoint: 'integer', ...weights });
  const cases: readonly (readonly [Partial<WeightRecipe>, string, string])[] = [
    [{}, 'nvidia-h100', 'supported GPTQModel marlin'],
    [{}, 'nvidia-v100', 'supported GPTQModel exllama v2'],
    [{ symmetric: false }, 'nvidia-h100', 'supported GPTQModel exllama v2'],
    [{ bits: 3 }, 'nvidia-h100', 'supported GPTQModel torch'],
    [{ groupSize: 256 }, 'nvidia-h100', 'supported GPTQModel torch'],
    [{}, 'x86-avx2', 'supported GPTQModel torch'],
    [{ bits: 6 }, 'nvidia-h100', 'refused HF-GPTQ-BITS'],
    [{ groupSize: 8 }, 'nvidia-h100', 'refused GM-GROUP'],
    [{ groupSize: 2048 }, 'nvidia-h100', 'refused GM-GROUP'],
    [{ groupSize: 1024 }, 'nvidia-h100', 'supported GPTQModel torch'],
  ];
  for (const [weights, device, expected] of cases) assert.equal(at(gptq(weights), device), expected, JSON.stringify(weights));
});

test('AWQ kernels have their own bits and group sizes, and Volta was refused before version 5', () => {
  assert.equal(at(of('awq'), 'nvidia-a100'), 'supported GPTQModel AWQ marlin or gemm');
  assert.equal(at(of('awq', { groupSize: 16 }), 'nvidia-a100'), 'supported GPTQModel AWQ gemm');
  assert.equal(at(of('awq', { bits: 8, groupSize: 16 }), 'nvidia-a100'), 'refused GM-AWQ-GROUP');
  assert.equal(at(of('awq', { groupSize: 256 }), 'nvidia-a100'), 'refused GM-AWQ-GROUP');
  assert.equal(at(of('awq', { bits: 3 }), 'nvidia-a100'), 'refused GM-AWQ-BITS');
  assert.equal(at(of('awq'), 'nvidia-v100', '4.51'), 'refused HF-AWQ-CC');
  assert.equal(at(of('awq'), 'nvidia-t4', '4.51'), 'supported AWQ');
  assert.match(at(of('awq'), 'nvidia-v100', '5.18'), /^supported/);
  assert.match(at(of('awq'), 'nvidia-v100'), /^supported/);
});

test('groups must divide the inputs where they lie along them', () => {
  const model = llama({ hidden: 2048, intermediate: 5600 });
  const verdict = (scheme: string): string => short(judge(of(scheme), { runtime: 'transformers', model, intent: 'run' }));
  for (const scheme of ['gptq', 'awq', 'compressed-tensors', 'auto-round']) assert.equal(verdict(scheme), 'refused DIV-K', scheme);
  for (const scheme of ['bitsandbytes', 'hqq', 'fp8']) assert.match(verdict(scheme), /^supported/, scheme);
});

test('a recipe of ours is judged by the layout that it is saved in', () => {
  const saved = (save_format: string): string =>
    short(judge(recipeOf('quantwright', { quant_method: 'rtn', weight_format: 'int4', group_size: 128, save_format }), { runtime: 'transformers' }));
  assert.match(saved('gptq'), /^supported GPTQModel/);
  assert.match(saved('compressed-tensors'), /^supported compressed-tensors/);
  assert.equal(saved('quantwright'), 'ignored HF-NAME');
  const smoothed = recipeOf('quantwright', { quant_method: 'smoothquant', save_format: 'safetensors' });
  assert.equal(short(judge(smoothed, { runtime: 'transformers', device: 'nvidia-v100' })), 'supported unquantized weights');
  assert.equal(short(judge(of('deepspeed'), { runtime: 'transformers', intent: 'quantize' })), 'unknown NO-ROW');
});

test('LLM.int8() on GPUs without integer tensor cores is slow, and on those before Pascal it is not', () => {
  const recipe = recipeOf('quantwright', { quant_method: 'llm_int8', save_format: 'bitsandbytes' });
  const at = (device: string): string => short(judge(recipe, { runtime: 'transformers', device }));
  assert.equal(at('nvidia-v100'), 'falls_back HF-BNB-CC');
  assert.equal(at('nvidia-t4'), 'supported bitsandbytes');
  const four = recipeOf('hf-bitsandbytes', { load_in_4bit: true });
  assert.equal(short(judge(four, { runtime: 'transformers', device: 'nvidia-v100' })), 'supported bitsandbytes');
});

test('every rule has a code and a source', () => {
  const rules = findRuntime('transformers')?.rules ?? [];
  assert.ok(rules.length > 8 && rules.every(({ code, source }) => /^QC\d{3}$/.test(code) && source !== ''));
});
