// The service as its callers see it: formats by name and shape, targets, damaged text, and the time it takes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ruleHelp } from '../generated/rule-help.ts';
import type { Target } from '../hardware/target.ts';
import { rules } from '../rules/index.ts';
import { llamaConfig } from '../testing/checking.ts';
import { checkConfig } from './check.ts';
import type { CheckResult } from './types.ts';

function check(fileName: string, config: unknown, targets: readonly Target[] = []): CheckResult {
  const text = typeof config === 'string' ? config : JSON.stringify(config, null, 2);
  return checkConfig({ fileName, text, modelConfigText: null, targets });
}

function target(runtime: Target['runtime'], device: string | null = null): Target {
  return { runtime, version: null, device, tensorParallel: 1 };
}

test('formats are recognised by shape and name', () => {
  const gptq = { bits: 4, group_size: 128, desc_act: false };
  const iq = { quant_method: 'instant_quant', weight_format: 'int8' };
  const cases: readonly (readonly [string, unknown, string | null])[] = [
    ['/models/a/job.quant.json', iq, 'quantwright'],
    ['C:\\a\\job.quant.json', {}, 'quantwright'],
    ['x.quant.json', '', 'quantwright'],
    ['x.quant.json', { config_groups: {} }, null],
    ['di.json', iq, 'dashinfer'],
    ['di.json', { weight_format: 'int8', compute_method: 'weight_only' }, 'dashinfer'],
    ['a.json', {}, null],
    ['a.json', [], null],
    ['config.json', llamaConfig(64, 64), null],
    ['config.json', { quantization_config: { ...gptq, quant_method: 'gptq' } }, 'hf-gptq'],
    ['config.json', { quantization_config: null }, null],
    ['config.json', { quantization_config: { quant_method: 'awq', bits: 4, group_size: 128 } }, 'hf-awq'],
    ['config.json', { quantization_config: { quant_method: 'quantwright', bits: 4, group_size: 64 } }, null],
    ['quantize_config.json', gptq, 'gptq-quantize-config'],
    ['quantize_config.json', { weights: 1 }, null],
    ['quant_config.json', gptq, 'gptq-quantize-config'],
    ['quant_config.json', { w_bit: 4, q_group_size: 128, zero_point: true, version: 'gemm' }, 'awq-quant-config'],
    ['settings.json', gptq, null],
  ];
  for (const [file, config, format] of cases) {
    assert.equal(check(file, config).format, format, `${file} ${JSON.stringify(config)}`);
  }
});

test('every target is judged, and equal complaints are told once', () => {
  const config = { quant_method: 'instant_quant', weight_format: 'int4' };
  const { verdicts, findings } = check('a.quant.json', config, [target('dashinfer'), target('dashinfer'), target('quantwright', 'x86-avx2')]);
  assert.equal(verdicts.filter((verdict) => verdict.target.runtime === 'dashinfer' && verdict.kind === 'refused').length, 2);
  assert.equal(findings.filter((finding) => finding.supportRule === 'DI-03').length, 1);
  assert.ok(verdicts.some((verdict) => verdict.kind === 'supported' && verdict.kernel === 'q4 (avx2)'));
});

test('the recipe is there with the origin of its fields', () => {
  const { recipe, origins } = check('a.quant.json', { quant_method: 'instant_quant', weight_format: 'uint4', group_size: 64 });
  assert.deepEqual(recipe?.weights, {
    dtype: 'int',
    bits: 4,
    signed: false,
    symmetric: false,
    groupSize: 64,
    zeroPoint: 'float',
    descAct: false,
    staticGroups: false,
  });
  assert.equal(recipe?.saveFormat, 'quantwright');
  assert.deepEqual(origins['weights.groupSize'], { path: ['group_size'], present: true });
  assert.deepEqual(origins.saveFormat, { path: ['save_format'], present: false });
});

test('defaults of rtn follow what it writes', () => {
  const only = check('a.quant.json', { quant_method: 'rtn', weight_format: 'int4' }).recipe;
  assert.deepEqual([only?.dialect, only?.saveFormat, only?.weights.symmetric, only?.scaleType], ['ist', 'gptq', true, 'f16']);
  const activations = check('a.quant.json', { quant_method: 'rtn', weight_format: 'int8', compute_method: 'activate_quant' }).recipe;
  assert.deepEqual([activations?.dialect, activations?.saveFormat, activations?.activations?.bits], ['compressed_tensors', 'compressed-tensors', 8]);
});

test('a memory limit is read with its unit', () => {
  const limit = (memory_limit: unknown): number | null | undefined =>
    check('a.quant.json', { quant_method: 'rtn', weight_format: 'int4', layer_wise: { memory_limit } }).recipe?.memoryLimitBytes;
  assert.deepEqual(['2GiB', '512 MB', 1000, 'much', null].map(limit), [2 ** 31, 512e6, 1000, null, null]);
});

test('every rule has its page, and every page its rule', () => {
  assert.deepEqual(ruleHelp.map(({ code }) => code).sort(), rules.map(({ code }) => code).sort());
});

test('a 20 kB config is checked in a few milliseconds', () => {
  const overrides = Object.fromEntries(
    Array.from({ length: 240 }, (_, layer) => [`model\\.layers\\.${layer}\\.mlp\\.down_proj`, { weight_format: 'uint4', group_size: 64 }]),
  );
  const text = JSON.stringify({ quant_method: 'rtn', weight_format: 'uint4', group_size: 128, overrides }, null, 2);
  assert.ok(text.length > 20_000);
  const modelConfigText = JSON.stringify({ ...llamaConfig(4096, 11008), num_hidden_layers: 32 });
  const run = (): number => {
    const begun = process.cpuUsage();
    checkConfig({ fileName: 'a.quant.json', text, modelConfigText, targets: [target('quantwright', 'x86-avx2'), target('dashinfer', 'nvidia-a100')] });
    return process.cpuUsage(begun).user / 1000;
  };
  const times = Array.from({ length: 15 }, run).sort((a, b) => a - b);
  console.log(`20 kB config: median ${times[7]?.toFixed(1)} ms, best ${times[0]?.toFixed(1)} ms`);
  // Processor time, and the best of several runs: the machine may be busy, the code must not be.
  assert.ok((times[0] ?? 0) < 50, `${times[0]} ms`);
});
