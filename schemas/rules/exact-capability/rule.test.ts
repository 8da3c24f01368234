// QC016: kernels that other devices have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, llamaConfig, type Place } from '../../testing/checking.ts';

const INT8 = { quant_method: 'llm_int8', weight_format: 'int8', compute_method: 'activate_quant', save_format: 'compressed-tensors' };
const GPTQ = { ...llamaConfig(2048, 4096), quantization_config: { quant_method: 'gptq', bits: 4, group_size: 128, desc_act: false, sym: true } };
const on = (device: string, file = 'job.quant.json'): Place => ({ file, runtime: 'vllm', device });

test('INT8 activations on Blackwell are told in the words of the kernel', () => {
  assert.match(findings('QC016', INT8, on('nvidia-b200'))[0]?.message ?? '', /Int8 not supported on SM/);
});

test('Machete is left for Marlin on Blackwell, as a warning', () => {
  const [finding] = findings('QC016', GPTQ, on('nvidia-b200', 'config.json'));
  assert.equal(finding?.severity, 'warning');
  assert.match(finding?.message ?? '', /Machete/);
});

test('Hopper has both, and without a device nothing is said', () => {
  assert.deepEqual(findings('QC016', INT8, on('nvidia-h100')), []);
  assert.deepEqual(findings('QC016', GPTQ, on('nvidia-h100', 'config.json')), []);
  assert.deepEqual(findings('QC016', GPTQ, { file: 'config.json', runtime: 'vllm' }), []);
});
