// QC011: KV caches that the runtime or the device does not have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, llamaConfig, type Place } from '../../testing/checking.ts';

const args = { num_bits: 8, type: 'float', symmetric: true, strategy: 'tensor', dynamic: false };
const config = (kv_cache_scheme: object | null): object => ({
  ...llamaConfig(2048, 4096),
  quantization_config: {
    quant_method: 'compressed-tensors',
    format: 'float-quantized',
    config_groups: {
      group_0: { targets: ['Linear'], weights: { ...args, strategy: 'channel' }, input_activations: { ...args, strategy: 'token', dynamic: true } },
    },
    ignore: ['lm_head'],
    kv_cache_scheme,
  },
});
const on = (device: string): Place => ({ file: 'config.json', runtime: 'vllm', device });

test('an fp8 cache below 8.9 is told with the text of its kernel', () => {
  assert.match(findings('QC011', config(args), on('nvidia-a100'))[0]?.message ?? '', /fp8e4nv not supported in this architecture/);
});

test('a cache of integers, or with scales for each token, is told', () => {
  assert.match(findings('QC011', config({ ...args, type: 'int' }), on('nvidia-h100'))[0]?.message ?? '', /kv cache/i);
});

test('an fp8 cache where there are kernels for it, and none at all, are silent', () => {
  assert.deepEqual(findings('QC011', config(args), on('nvidia-h100')), []);
  assert.deepEqual(findings('QC011', config(null), on('nvidia-a100')), []);
});
