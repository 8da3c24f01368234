// QC012: keys of other tools, slips of the keyboard, and keys without effect.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed } from '../../testing/checking.ts';

const GPTQ = { bits: 4, group_size: 128, desc_act: false, sym: true };
const place = { file: 'quantize_config.json' };

test("the same idea has this format's key", () => {
  const { group_size: _, ...rest } = GPTQ;
  assert.deepEqual(fixed('QC012', { ...rest, q_group_size: 64 }, place), { ...rest, group_size: 64 });
  assert.deepEqual(fixed('QC012', { ...GPTQ, percdamp: 0.02 }, place), { ...GPTQ, damp_percent: 0.02 });
  assert.deepEqual(fixed('QC012', { quant_method: 'rtn', weight_format: 'int8', modules_to_not_convert: ['lm_head'] }), {
    quant_method: 'rtn',
    weight_format: 'int8',
    ignore: ['lm_head'],
  });
});

test('a value that changes its meaning with the key is translated', () => {
  assert.deepEqual(fixed('QC012', { quant_method: 'rtn', weight_format: 'int4', has_zero_point: true }), {
    quant_method: 'rtn',
    weight_format: 'int4',
    symmetric: false,
  });
  assert.deepEqual(fixed('QC012', { quant_method: 'gptq', w_bit: 4 }), { quant_method: 'gptq', weight_format: 'uint4' });
});

test('a slip of the keyboard gets the nearest key, nested ones too', () => {
  assert.deepEqual(fixed('QC012', { ...GPTQ, damp_precent: 0.1 }, place), { ...GPTQ, damp_percent: 0.1 });
  const nested = { quant_method: 'rtn', weight_format: 'int8', overrides: { '.*down_proj': { groupsize: 64 } } };
  assert.deepEqual(fixed('QC012', nested), { ...nested, overrides: { '.*down_proj': { group_size: 64 } } });
});

test('beside the right key, and without a meaning, a key is removed', () => {
  assert.deepEqual(fixed('QC012', { ...GPTQ, w_bit: 8 }, place), GPTQ);
  assert.deepEqual(fixed('QC012', { ...GPTQ, colour: 'red' }, place), GPTQ);
});

test('a key that is read but has no effect is named', () => {
  assert.match(findings('QC012', { quant_method: 'instant_quant', weight_format: 'int8', activate_format: 'int8' })[0]?.message ?? '', /never uses it/);
});

test('a key that makes tools read another format is told once, by the rule that says so', () => {
  const config = { model_type: 'llama', quantization_config: { quant_method: 'gptq', ...GPTQ, load_in_4bit: true } };
  assert.deepEqual(findings('QC012', config, { file: 'config.json' }), []);
  assert.equal(findings('QC004', config, { file: 'config.json' }).length, 1);
});

test('beside the right key the message says which one counts', () => {
  assert.match(findings('QC012', { ...GPTQ, w_bit: 8 }, place)[0]?.message ?? '', /is ignored; "bits" beside it counts/);
});

test('of equal keys the ones that nobody reads are removed', () => {
  const text = '{ "quant_method": "gptq", "quant_method": "rtn",\n  "weight_format": "int8" }';
  assert.match(findings('QC012', text)[0]?.message ?? '', /"quant_method" stands here more than once/);
  assert.deepEqual(fixed('QC012', text), { quant_method: 'rtn', weight_format: 'int8' });
});

test('readers that refuse unknown keys make it an error, in their words', () => {
  const awq = { zero_point: true, q_group_size: 128, w_bit: 4, version: 'gemm', colour: 'red' };
  const [finding] = findings('QC012', awq, { file: 'quant_config.json' });
  assert.equal(finding?.severity, 'error');
  assert.match(finding?.message ?? '', /AutoAWQ refuses the file with a TypeError/);
  const trt = { architecture: 'LlamaForCausalLM', dtype: 'float16', quantization: { quant_algo: 'FP8', groupsize: 128 } };
  assert.match(findings('QC012', trt, { file: 'config.json' })[0]?.message ?? '', /Extra inputs are not permitted/);
});
