// QC023: keys that tools fill differently.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed } from '../../testing/checking.ts';

test("each tool's default is offered, first that of the file's own", () => {
  assert.deepEqual(fixed('QC023', { bits: 4, group_size: 128 }, { file: 'quantize_config.json' }), { bits: 4, group_size: 128, desc_act: true });
  const config = { quant_method: 'gptq', bits: 4, desc_act: false };
  assert.deepEqual(fixed('QC023', { quantization_config: config }, { file: 'config.json' }), { quantization_config: { ...config, group_size: 128 } });
});

test('it is a hint, and silent for configs that write both', () => {
  assert.equal(findings('QC023', { bits: 4, group_size: 128 }, { file: 'quantize_config.json' })[0]?.severity, 'hint');
  assert.deepEqual(findings('QC023', { bits: 4, group_size: 128, desc_act: false }, { file: 'quantize_config.json' }), []);
  assert.deepEqual(findings('QC023', { quant_method: 'rtn', weight_format: 'int8' }), []);
});
