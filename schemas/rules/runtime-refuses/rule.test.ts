// QC017: what no other rule is named after.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed } from '../../testing/checking.ts';

test('pipelines that nothing runs are refused with what runs', () => {
  const config = { quant_method: ['gptq', 'zeroquant'], weight_format: 'uint4', group_size: 128, calibration: { dataset: 'text.txt' } };
  assert.match(
    findings('QC017', config, { runtime: 'quantwright' })[0]?.message ?? '',
    /the pipeline gptq \+ zeroquant is not in this version; it quantizes with instant_quant, rtn/,
  );
  assert.deepEqual(fixed('QC017', config, { runtime: 'quantwright' }), { ...config, quant_method: 'rtn' });
  assert.deepEqual(findings('QC017', config), []);
});

test('severity follows the verdict', () => {
  const severity = (config: object, runtime: 'quantwright' | 'vllm'): string | undefined => findings('QC017', config, { runtime })[0]?.severity;
  assert.equal(severity({ quant_method: 'rtn', weight_format: 'int8', compute_method: 'activate_quant', save_format: 'gptq' }, 'quantwright'), 'error');
  assert.equal(severity({ quant_method: 'instant_quant', weight_format: 'uint4', save_format: 'gptq' }, 'quantwright'), 'warning');
  assert.equal(severity({ quant_method: 'rtn', weight_format: 'uint4', scale_type: 'float32' }, 'quantwright'), 'warning');
  assert.equal(severity({ quant_method: 'rtn', weight_format: 'int3', save_format: 'compressed-tensors' }, 'vllm'), 'information');
});

test('a layout without a normal form is said to be unjudged', () => {
  const config = { bits: 4, group_size: 128, desc_act: false, checkpoint_format: 'marlin' };
  const place = { file: 'quantize_config.json' } as const;
  assert.equal(findings('QC017', config, { ...place, runtime: 'vllm' })[0]?.severity, 'information');
  assert.deepEqual(findings('QC017', config, place), []);
});

test('the fix keeps the other settings', () => {
  const config = { quant_method: 'rtn', weight_format: 'int8', compute_method: 'activate_quant', save_format: 'gptq' };
  assert.deepEqual(fixed('QC017', config, { runtime: 'quantwright' }), { ...config, save_format: 'compressed-tensors' });
});
