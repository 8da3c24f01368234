// QC004: the method, and where the config stands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed } from '../../testing/checking.ts';

const GPTQ = { bits: 4, group_size: 128, desc_act: false, sym: true };

test('an unknown method gets the nearest name', () => {
  assert.deepEqual(fixed('QC004', { quant_method: 'instantquant', weight_format: 'int8' }), { quant_method: 'instant_quant', weight_format: 'int8' });
  assert.deepEqual(fixed('QC004', { quant_method: ['smoothqant', 'rtn'], weight_format: 'int8' }), {
    quant_method: ['smoothquant', 'rtn'],
    weight_format: 'int8',
  });
});

test('a missing quant_method in config.json is added', () => {
  assert.deepEqual(fixed('QC004', { quantization_config: GPTQ }, { file: 'config.json' }), { quantization_config: { ...GPTQ, quant_method: 'gptq' } });
});

test('load_in_4bit takes the config over', () => {
  const config = { quantization_config: { ...GPTQ, quant_method: 'gptq', load_in_4bit: true } };
  assert.match(findings('QC004', config, { file: 'config.json' })[0]?.message ?? '', /bitsandbytes/);
  assert.deepEqual(fixed('QC004', config, { file: 'config.json' }), { quantization_config: { ...GPTQ, quant_method: 'gptq' } });
});

test('a config under text_config is moved to the top', () => {
  const own = { ...GPTQ, quant_method: 'gptq' };
  assert.deepEqual(fixed('QC004', { text_config: { hidden_size: 64, quantization_config: own } }, { file: 'config.json' }), {
    text_config: { hidden_size: 64 },
    quantization_config: own,
  });
});

test('two files that disagree are told in each, and one takes the value of the other', () => {
  const own = { ...GPTQ, quant_method: 'gptq' };
  const config = (group_size: number): object => ({ quantization_config: { ...own, group_size } });
  const beside = { 'quantize_config.json': { ...GPTQ, group_size: 64 } };
  const [finding] = findings('QC004', config(128), { file: 'config.json', beside });
  assert.match(finding?.message ?? '', /The group size is 128 here and 64 in quantize_config\.json beside it/);
  assert.equal(finding?.severity, 'error');
  assert.deepEqual(fixed('QC004', config(128), { file: 'config.json', beside }), config(64));
  assert.deepEqual(fixed('QC004', { ...GPTQ, bits: 8 }, { file: 'quantize_config.json', beside: { 'config.json': config(128) } }), GPTQ);
});

test('files that agree, leave a key out, or are of another tool are silent', () => {
  const config = { quantization_config: { ...GPTQ, quant_method: 'gptq' } };
  for (const other of [GPTQ, { bits: 4, group_size: 128 }, { per_channel: true }, '{']) {
    assert.deepEqual(findings('QC004', config, { file: 'config.json', beside: { 'quantize_config.json': other } }), []);
  }
});

test('ModelOpt in two files is a warning in the words of TensorRT-LLM', () => {
  const modelopt = { producer: { name: 'modelopt', version: '0.33.0' }, quantization: { quant_algo: 'FP8', exclude_modules: ['lm_head'] } };
  const config = {
    quantization_config: { quant_method: 'modelopt', quant_algo: 'NVFP4', ignore: ['lm_head'], producer: { name: 'modelopt', version: '0.33.0' } },
  };
  const [finding] = findings('QC004', modelopt, { file: 'hf_quant_config.json', beside: { 'config.json': config } });
  assert.equal(finding?.severity, 'warning');
  assert.match(finding?.message ?? '', /diverges from 'hf_quant_config\.json'; using the latter/);
});
