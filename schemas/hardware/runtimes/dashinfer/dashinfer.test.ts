// DashInfer's documented table, cell by cell, and its rules, one case each with the value next to it that passes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelShape } from '../../../checkpoint/model-shape.ts';
import { baseRecipe } from '../../../recipe/base-recipe.ts';
import type { Recipe } from '../../../recipe/recipe.ts';
import { judge, llama, recipeOf, short } from '../../../testing/judging.ts';
import { findRule, findRuntime } from '../index.ts';

type Config = Readonly<Record<string, unknown>>;
const IQ = (config: Config): Config => ({ quant_method: 'instant_quant', ...config });
const GPTQ = (config: Config): Config => ({ quant_method: 'gptq', desc_act: false, ...config });

/** The table of docs/sphinx/quant/weight_activate_quant.rst: V100 T4 A100 L4 H100 x86 ARMv9. */
const DEVICES = ['nvidia-v100', 'nvidia-t4', 'nvidia-a100', 'nvidia-l4', 'nvidia-h100', 'x86-amx', 'armv9-sve'];
const TABLE: readonly (readonly [string, Config, string])[] = [
  ['IQ-INT8 (A16W8)', IQ({ weight_format: 'int8', group_size: 128 }), 'yes yes yes yes yes no yes'],
  ['IQ-INT4 (A16W4)', IQ({ weight_format: 'uint4', group_size: 128 }), 'yes yes yes yes yes no no'],
  ['IQ-INT8 (A8W8)', IQ({ weight_format: 'int8', compute_method: 'activate_quant' }), 'no yes yes yes yes no no'],
  ['GPTQ-INT8 (A16W8)', GPTQ({ weight_format: 'uint8', group_size: 128 }), 'yes yes yes yes yes no no'],
  ['GPTQ-INT8 (A8W8)', GPTQ({ weight_format: 'uint8', compute_method: 'activate_quant' }), 'no yes yes yes yes no no'],
  ['GPTQ-INT4 (A16W4)', GPTQ({ weight_format: 'uint4', group_size: 128 }), 'yes yes yes yes yes no no'],
];

for (const [name, config, answers] of TABLE) {
  test(`${name}: every device of the table`, () => {
    const got = DEVICES.map((device) => short(judge(recipeOf('dashinfer', config), { runtime: 'dashinfer', device })));
    assert.deepEqual(
      got,
      answers.split(' ').map((answer) => (answer === 'yes' ? `supported ${name}` : 'refused DI-18')),
    );
  });
}

test('a device family without a column is unknown, not guessed', () => {
  assert.equal(short(judge(recipeOf('dashinfer', IQ({ weight_format: 'int8' })), { runtime: 'dashinfer', device: 'nvidia-b200' })), 'unknown DI-18');
});

const sound = llama({ hidden: 2048, intermediate: 5632 });
const wide = llama({ hidden: 8192, intermediate: 29568 });
const experts = llama({ hidden: 2048, intermediate: 1024, experts: 8 });
const single = llama({ hidden: 2048, intermediate: 5632, dtype: 'float32' });

interface Case {
  readonly rule: string;
  readonly bad: Config;
  readonly good: Config;
  readonly model?: ModelShape;
  readonly device?: string;
  readonly tensorParallel?: number;
  readonly kind?: string;
}

const CASES: readonly Case[] = [
  { rule: 'DI-02', bad: IQ({ weight_format: 'uint2' }), good: IQ({ weight_format: 'uint4' }) },
  { rule: 'DI-02', bad: IQ({ weight_format: 'nf4' }), good: IQ({ weight_format: 'fp8_e4m3', compute_method: 'activate_quant' }) },
  { rule: 'DI-02', bad: IQ({ weight_format: 'fp4', group_size: 64 }), good: IQ({ weight_format: 'uint4', group_size: 64 }) },
  {
    rule: 'DI-02',
    bad: IQ({ weight_format: 'int6', compute_method: 'activate_quant' }),
    good: IQ({ weight_format: 'int8', compute_method: 'activate_quant' }),
  },
  { rule: 'DI-03', bad: IQ({ weight_format: 'int4' }), good: IQ({ weight_format: 'uint4' }) },
  { rule: 'DI-03', bad: IQ({ weight_format: 'uint8' }), good: IQ({ weight_format: 'int8' }) },
  { rule: 'DI-05', bad: { quant_method: 'awq', weight_format: 'uint4' }, good: IQ({ weight_format: 'uint4' }) },
  { rule: 'DI-06', bad: IQ({ weight_format: 'uint4', compute_method: 'activate_quant' }), good: IQ({ weight_format: 'uint4' }) },
  {
    rule: 'DI-07',
    bad: IQ({ weight_format: 'int8', compute_method: 'activate_quant', group_size: 128 }),
    good: IQ({ weight_format: 'int8', compute_method: 'activate_quant' }),
  },
  { rule: 'DI-08', bad: IQ({ weight_format: 'uint4', group_size: 48 }), good: IQ({ weight_format: 'uint4', group_size: 32 }) },
  { rule: 'DI-08', bad: IQ({ weight_format: 'int8', group_size: 1024 }), good: IQ({ weight_format: 'int8', group_size: 512 }) },
  { rule: 'DI-08b', bad: IQ({ weight_format: 'fp8_e4m3' }), good: IQ({ weight_format: 'int8' }) },
  { rule: 'DI-08b', bad: IQ({ weight_format: 'int8' }), good: IQ({ weight_format: 'int8' }), model: single },
  { rule: 'DI-09', bad: IQ({ weight_format: 'int8', group_size: 32 }), good: IQ({ weight_format: 'int8', group_size: 64 }) },
  { rule: 'DI-10', bad: IQ({ weight_format: 'uint4', group_settings: { '.*': 16 } }), good: IQ({ weight_format: 'uint4', group_settings: { '.*': 32 } }) },
  {
    rule: 'DI-11',
    bad: IQ({ weight_format: 'fp8_e4m3', compute_method: 'activate_quant' }),
    good: IQ({ weight_format: 'int8', compute_method: 'activate_quant' }),
    device: 'nvidia-a100',
  },
  {
    rule: 'DI-12',
    bad: IQ({ weight_format: 'uint4', group_size: 512 }),
    good: IQ({ weight_format: 'uint4', group_size: 256 }),
    model: llama({ hidden: 2048, intermediate: 5888 }),
  },
  { rule: 'DI-12', bad: IQ({ weight_format: 'uint4', group_size: 128 }), good: IQ({ weight_format: 'uint4', group_size: 64 }), model: wide, tensorParallel: 2 },
  { rule: 'DI-13', bad: GPTQ({ weight_format: 'uint4', group_size: 128, desc_act: true }), good: GPTQ({ weight_format: 'uint4', group_size: 128 }) },
  { rule: 'DI-14', bad: GPTQ({ weight_format: 'uint4' }), good: GPTQ({ weight_format: 'uint4', group_size: 128 }) },
  {
    rule: 'DI-14b',
    bad: GPTQ({ weight_format: 'uint4', group_size: 128, compute_method: 'activate_quant' }),
    good: GPTQ({ weight_format: 'uint4', group_size: 128 }),
  },
  { rule: 'DI-14c', bad: GPTQ({ weight_format: 'uint3', group_size: 128 }), good: GPTQ({ weight_format: 'uint4', group_size: 128 }), kind: 'ignored' },
  {
    rule: 'DI-14d',
    bad: GPTQ({ weight_format: 'uint8', group_size: 128, compute_method: 'activate_quant' }),
    good: GPTQ({ weight_format: 'uint8', compute_method: 'activate_quant' }),
    kind: 'falls_back',
  },
  ...([{ bits: 6 }, { symmetric: false }, { dynamic: false }] as const).map((activations) => ({
    rule: 'DI-20',
    bad: IQ({ weight_format: 'int8', activations }),
    good: IQ({ weight_format: 'int8', activations: {} }),
  })),
  { rule: 'DI-15', bad: GPTQ({ weight_format: 'uint8', group_size: 32 }), good: GPTQ({ weight_format: 'uint8', group_size: 64 }) },
  {
    rule: 'DI-16',
    bad: IQ({ weight_format: 'uint4', group_settings: { '.*down_proj': 64 } }),
    good: IQ({ weight_format: 'uint4', group_settings: { '.*down_proj': 64, '.*': 128 } }),
    model: sound,
  },
  {
    rule: 'DI-17',
    bad: IQ({ weight_format: 'uint4', group_size: 128 }),
    good: IQ({ weight_format: 'int8', compute_method: 'activate_quant' }),
    model: experts,
  },
];

for (const { rule, bad, good, model, device, tensorParallel, kind } of CASES) {
  test(`${rule}: ${JSON.stringify(bad)}`, () => {
    const where = { runtime: 'dashinfer' as const, ...(device === undefined ? {} : { device }), ...(tensorParallel === undefined ? {} : { tensorParallel }) };
    const verdict = judge(recipeOf('quantwright', bad), { ...where, model: model ?? null }).find((one) => one.kind !== 'supported' && one.rule === rule);
    assert.ok(verdict !== undefined && verdict.kind !== 'supported', short(judge(recipeOf('quantwright', bad), { ...where, model: model ?? null })));
    assert.equal(verdict.kind, kind ?? 'refused');
    assert.equal(verdict.source, findRule(rule)?.source);
    assert.equal(verdict.versions, '>=2.0');
    const after = judge(recipeOf('quantwright', good), { ...where, model: model === single ? sound : (model ?? null) });
    assert.match(short(after), /^supported/);
  });
}

test('the runtime is quoted, with the values filled in', () => {
  const [verdict] = judge(recipeOf('dashinfer', IQ({ weight_format: 'uint4', group_size: 128 })), { runtime: 'dashinfer', model: wide, tensorParallel: 4 });
  assert.ok(verdict?.kind === 'refused');
  assert.match(verdict.runtimeWords ?? '', /not splittable under current Groupsize value 128\. Weight Tensor Name: model\.layers\.0\.mlp\.down_proj\.weight/);
});

test('divisibility under tensor parallelism names the layer, the largest tp and the largest group', () => {
  const [verdict] = judge(recipeOf('dashinfer', IQ({ weight_format: 'uint4', group_size: 128 })), { runtime: 'dashinfer', model: wide, tensorParallel: 4 });
  assert.ok(verdict?.kind === 'refused');
  assert.match(
    verdict.message,
    /group_size 128 does not divide down_proj K = 29568 \/ tp 4 = 7392; largest working tp is 1; the largest that works at tp 4 is group_size 32\./,
  );
});

test('an 8-bit GPTQ checkpoint is loaded as A8W8, so per channel passes and Volta does not', () => {
  const recipe = recipeOf('hf-gptq', { quant_method: 'gptq', bits: 8, group_size: -1, desc_act: false });
  assert.equal(short(judge(recipe, { runtime: 'dashinfer', device: 'nvidia-a100' })), 'supported GPTQ-INT8 (A8W8)');
  assert.equal(short(judge(recipe, { runtime: 'dashinfer', device: 'nvidia-v100' })), 'refused DI-18');
});

test('Volta is told what it lacks', () => {
  const [verdict] = judge(recipeOf('dashinfer', IQ({ weight_format: 'int8', compute_method: 'activate_quant' })), {
    runtime: 'dashinfer',
    device: 'nvidia-v100',
  });
  assert.ok(verdict?.kind === 'refused' && verdict.nearest?.value === 'weight_only');
  assert.match(verdict.message, /does not run on Volta \(Volta has no integer tensor cores\)/);
});

test('every rule of the table has a code and a source', () => {
  const rules = findRuntime('dashinfer')?.rules ?? [];
  const ids = [...Array.from({ length: 20 }, (_, index) => `DI-${String(index + 1).padStart(2, '0')}`), 'DI-08b', 'DI-14b', 'DI-14c', 'DI-14d'];
  assert.deepEqual(rules.map(({ id }) => id).sort(), ids.sort());
  assert.ok(rules.every(({ code, source }) => /^QC\d{3}$/.test(code) && source !== ''));
});

test('fp8 runs from compute capability 8.9, outside the table', () => {
  const recipe = recipeOf('dashinfer', IQ({ weight_format: 'fp8_e4m3', compute_method: 'activate_quant' }));
  assert.equal(short(judge(recipe, { runtime: 'dashinfer', device: 'nvidia-l4' })), 'supported FP8 (A8W8)');
  assert.equal(short(judge(recipe, { runtime: 'dashinfer' })), 'supported FP8 (A8W8)');
});

test('versions before the rows are unknown', () => {
  assert.equal(short(judge(recipeOf('dashinfer', IQ({ weight_format: 'int4' })), { runtime: 'dashinfer', version: '1.3' })), 'unknown NO-ROW');
});

test('the model_config files of the examples: uint8 in groups on x86, other sizes refused', () => {
  const json = (groupSize: number): Recipe => ({
    ...baseRecipe('dashinfer-model', 'dashinfer-json', ['instant_quant'], { signed: false, symmetric: false, zeroPoint: 'integer', groupSize }),
  });
  const at = (groupSize: number, device?: string): string =>
    short(judge(json(groupSize), { runtime: 'dashinfer', model: sound, ...(device === undefined ? {} : { device }) }));
  for (const groupSize of [64, 128, 256, 512]) assert.equal(at(groupSize), 'supported CPU uint8 sub-channel', String(groupSize));
  assert.equal(at(64, 'x86-amx'), 'supported CPU uint8 sub-channel (AMX)');
  assert.equal(at(64, 'nvidia-h100'), 'unknown NO-ROW');
  for (const groupSize of [32, 1024]) assert.equal(at(groupSize), 'refused DI-19', String(groupSize));
  assert.equal(at(-1), 'unknown NO-ROW');
  assert.equal(short(judge(json(512), { runtime: 'dashinfer', model: llama({ hidden: 2048, intermediate: 5760 }) })), 'refused DI-12');
});

test('recipes for other tools are not judged, and GPTQ codes under another name are not GPTQ', () => {
  const olive = baseRecipe('olive', 'olive', ['gptq'], { bits: 4, groupSize: 128 });
  assert.equal(short(judge(olive, { runtime: 'dashinfer', intent: 'quantize' })), 'unknown NO-ROW');
  assert.equal(short(judge({ ...olive, scheme: 'modelopt' }, { runtime: 'dashinfer', intent: 'run' })), 'refused DI-05');
});
