// Where Hugging Face configs stand, what takes them over, and how their lists of modules are read; for formats that share these.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '../../check/check.ts';
import { startAnchored } from '../../recipe/module-weights.ts';
import { findings, fixed } from '../../testing/checking.ts';
import { fromPython, isClassName, targetOfName } from './module-patterns.ts';

const OWN: Readonly<Record<string, object>> = {
  'hf-gptq': { quant_method: 'gptq', bits: 4, group_size: 128, desc_act: false },
  'hf-awq': { quant_method: 'awq', bits: 4, group_size: 128 },
  'hf-fp8': { quant_method: 'fp8', weight_block_size: [128, 128] },
  'hf-fbgemm-fp8': { quant_method: 'fbgemm_fp8' },
  'hf-auto-round': { quant_method: 'auto-round', bits: 4, group_size: 128 },
  'hf-modelopt': { quant_method: 'modelopt', quant_algo: 'FP8' },
  'hf-compressed-tensors': { quant_method: 'compressed-tensors', config_groups: { W4A16: ['Linear'] } },
};

test('each method has its format, at the top and under a part of the model', () => {
  for (const [format, config] of Object.entries(OWN)) {
    for (const file of [{ quantization_config: config }, { model_type: 'x', text_config: { quantization_config: config } }]) {
      assert.equal(checkConfig({ fileName: 'config.json', text: JSON.stringify(file), modelConfigText: null, targets: [] }).format, format);
    }
    assert.deepEqual(findings('QC004', { quantization_config: config }, { file: 'config.json' }), [], format);
  }
});

test('the member alone is recognised in a file of any name, and left to the owners of the names that are taken', () => {
  const format = (fileName: string, config: object): string | null =>
    checkConfig({ fileName, text: JSON.stringify(config), modelConfigText: null, targets: [] }).format;
  for (const [id, config] of Object.entries(OWN)) {
    assert.equal(format('untitled', config), id);
  }
  const gptq = { quant_method: 'gptq', bits: 4, group_size: 128, desc_act: false };
  assert.equal(format('quantize_config.json', gptq), 'gptq-quantize-config');
  assert.equal(format('job.json', { quant_method: 'gptq', weight_format: 'int8', compute_method: 'weight_only' }), 'dashinfer');
  assert.equal(format('job.quant.json', gptq), 'quantwright');
});

test('a place that runtimes do not see is a warning, and moved to the top', () => {
  for (const [format, config] of Object.entries(OWN)) {
    const file = { model_type: 'x', text_config: { hidden_size: 64, quantization_config: config } };
    assert.deepEqual(
      findings('QC004', file, { file: 'config.json' }).map(({ severity }) => severity),
      ['warning'],
      format,
    );
    assert.deepEqual(fixed('QC004', file, { file: 'config.json' }), { model_type: 'x', text_config: { hidden_size: 64 }, quantization_config: config });
  }
});

test('load_in_8bit takes every method over but its own', () => {
  for (const [format, config] of Object.entries(OWN)) {
    const file = { quantization_config: { ...config, load_in_8bit: true } };
    assert.deepEqual(
      findings('QC004', file, { file: 'config.json' }).map(({ path }) => path.at(-1)),
      ['load_in_8bit'],
      format,
    );
    assert.deepEqual(findings('QC004', { quantization_config: { ...config, load_in_8bit: false } }, { file: 'config.json' }), [], format);
  }
  assert.deepEqual(findings('QC004', { quantization_config: { quant_method: 'bitsandbytes', load_in_8bit: true } }, { file: 'config.json' }), []);
});

test('targets of compressed-tensors are classes, names and expressions', () => {
  assert.ok(isClassName('Linear') && !isClassName('lm_head') && !isClassName('model.Layers'));
  const matches = (target: string, name: string): boolean => startAnchored(targetOfName(target) ?? '$^')?.test(name) ?? false;
  assert.ok(matches('lm_head', 'lm_head') && !matches('lm_head', 'lm_head_2') && !matches('lm_head', 'model.lm_head'));
  assert.ok(matches('re:.*\\.(gate|up)_proj', 'model.layers.0.mlp.up_proj') && !matches('re:mlp', 'model.layers.0.mlp'));
  assert.equal(targetOfName('Linear'), null);
  assert.equal(targetOfName('re:('), null);
});

test('expressions of Python are read as such', () => {
  assert.equal(fromPython('(?i)lm_head\\Z'), 'lm_head$');
  assert.ok(startAnchored(fromPython('(?P<layer>\\d+)')));
});
