// QC008: models against the memory of a device.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, type Place } from '../../testing/checking.ts';

/** Llama 3 70B. */
const large = {
  model_type: 'llama',
  hidden_size: 8192,
  intermediate_size: 28672,
  num_hidden_layers: 80,
  num_attention_heads: 64,
  num_key_value_heads: 8,
  vocab_size: 128256,
  torch_dtype: 'bfloat16',
  max_position_embeddings: 8192,
};
const config = (bits: number): object => ({ ...large, quantization_config: { quant_method: 'gptq', bits, group_size: 128, desc_act: false, sym: true } });
const on = (device: string, tensorParallel = 1): Place => ({ file: 'config.json', runtime: 'vllm', device, tensorParallel });

test('70B in 8 bits is more than one L4 holds, in numbers', () => {
  const [finding] = findings('QC008', config(8), { ...on('nvidia-l4') });
  assert.equal(finding?.severity, 'information');
  assert.match(finding?.message ?? '', /About 6\d\.\d GiB of weights and 2\.5 GiB of KV cache at 8192 tokens, .* are more than the 24 GiB of NVIDIA L4/);
});

test('a split over devices counts the part on each', () => {
  assert.match(findings('QC008', config(8), on('nvidia-l4', 2))[0]?.message ?? '', /GiB on each of 2, are more than the 24 GiB/);
  assert.deepEqual(findings('QC008', config(8), on('nvidia-l4', 4)), []);
});

test('what fits, devices without a size and checks without a device are silent', () => {
  assert.deepEqual(findings('QC008', config(4), on('nvidia-h100')), []);
  assert.deepEqual(findings('QC008', config(8), { file: 'config.json', runtime: 'vllm' }), []);
  assert.deepEqual(findings('QC008', config(8), on('x86-avx2')), []);
});
