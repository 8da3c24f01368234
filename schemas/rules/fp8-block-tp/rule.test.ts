// QC010: blocks of fp8 weights over several devices.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, llamaConfig, type Place } from '../../testing/checking.ts';

const config = (hidden: number, intermediate: number, own: object = {}): object => ({
  ...llamaConfig(hidden, intermediate),
  quantization_config: { quant_method: 'fp8', activation_scheme: 'dynamic', weight_block_size: [128, 128], ...own },
});
const on = (runtime: 'vllm' | 'sglang', tensorParallel: number): Place => ({ file: 'config.json', runtime, device: 'nvidia-h100', tensorParallel });

test('rows of gate and up that do not fill a block are told in the words of the runtime', () => {
  for (const runtime of ['vllm', 'sglang'] as const) {
    const all = findings('QC010', config(2048, 1536), on(runtime, 8));
    assert.ok(all.length > 0, runtime);
    assert.match(all.map(({ message }) => message).join('\n'), /is not divisible by weight quantization block_/);
  }
});

test('a split into whole blocks, one device and scales of whole tensors are silent', () => {
  assert.deepEqual(findings('QC010', config(4096, 8192), on('vllm', 2)), []);
  assert.deepEqual(findings('QC010', config(2048, 1536), { ...on('vllm', 1) }), []);
  assert.deepEqual(findings('QC010', config(2048, 1536, { weight_block_size: null }), on('vllm', 8)), []);
});
