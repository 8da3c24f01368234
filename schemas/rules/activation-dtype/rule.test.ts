// QC007: data types that the kernel or the format does not have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed, llamaConfig, type Place } from '../../testing/checking.ts';

const awq = (torch_dtype: string): object => ({
  ...llamaConfig(2048, 4096),
  torch_dtype,
  quantization_config: { quant_method: 'awq', bits: 4, group_size: 128, zero_point: true, version: 'gemm' },
});
const on = (version: string): Place => ({ file: 'config.json', runtime: 'vllm', device: 'nvidia-t4', version });
const bnb = (bnb_4bit_compute_dtype: string): object => ({
  ...llamaConfig(2048, 4096),
  quantization_config: { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'nf4', bnb_4bit_compute_dtype },
});

test('bfloat16 with kernels for float16 only is told for the versions that had them', () => {
  assert.match(findings('QC007', awq('bfloat16'), on('0.10.1'))[0]?.message ?? '', /bfloat16 is not supported for quantization method/);
});

test('short names of data types get the name that torch has', () => {
  assert.deepEqual(fixed('QC007', bnb('fp16'), { file: 'config.json' }), bnb('float16'));
  assert.deepEqual(fixed('QC007', bnb('bf16'), { file: 'config.json' }), bnb('bfloat16'));
});

test('float16, newer versions and names that torch has are silent', () => {
  assert.deepEqual(findings('QC007', awq('float16'), on('0.10.1')), []);
  assert.deepEqual(findings('QC007', awq('bfloat16'), { ...on('0.10.1'), version: '0.20.0' }), []);
  assert.deepEqual(findings('QC007', bnb('bfloat16'), { file: 'config.json' }), []);
});
