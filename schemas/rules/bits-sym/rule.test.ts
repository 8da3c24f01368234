// QC005: bits and symmetry.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed } from '../../testing/checking.ts';

test('bits a format does not have get the nearest it has', () => {
  const config = { quant_method: 'gptq', bits: 6, group_size: 128, desc_act: false };
  assert.deepEqual(fixed('QC005', { quantization_config: config }, { file: 'config.json' }), { quantization_config: { ...config, bits: 4 } });
  assert.deepEqual(findings('QC005', { ...config, checkpoint_format: 'gptq_p' }, { file: 'quantize_config.json' }), []);
});

test('types our kernels do not have are refused, every width of integers runs as it is', () => {
  const config = { quant_method: 'instant_quant', weight_format: 'fp8_e4m3', compute_method: 'activate_quant' };
  assert.deepEqual(fixed('QC005', config, { runtime: 'quantwright' }), { ...config, weight_format: 'int8' });
  for (const weight_format of ['int2', 'int3', 'int4', 'int5', 'int6', 'int8']) {
    assert.deepEqual(findings('QC005', { quant_method: 'rtn', weight_format }, { runtime: 'quantwright' }), []);
  }
});

test('a symmetry in words is told by its type', () => {
  assert.match(
    findings('QC005', { bits: 4, group_size: 128, desc_act: false, sym: 'true' }, { file: 'quantize_config.json' })[0]?.message ?? '',
    /"sym" is "true", a string; it must be true or false/,
  );
});

test('bits under another name are named and renamed', () => {
  const config = { w_bit: 4, group_size: 128, desc_act: false, sym: true };
  assert.match(findings('QC005', config, { file: 'quantize_config.json' })[0]?.message ?? '', /"bits" is missing\. "w_bit" stands in its place\./);
  assert.deepEqual(fixed('QC005', config, { file: 'quantize_config.json' }), { bits: 4, group_size: 128, desc_act: false, sym: true });
});
