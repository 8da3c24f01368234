// QC002: devices below the method.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed } from '../../testing/checking.ts';

const A8W8 = { quant_method: 'instant_quant', weight_format: 'int8', compute_method: 'activate_quant' };

test('integer activations are refused on Volta and weight_only is offered', () => {
  assert.deepEqual(fixed('QC002', A8W8, { runtime: 'dashinfer', device: 'v100' }), { ...A8W8, compute_method: 'weight_only' });
  assert.deepEqual(findings('QC002', A8W8, { runtime: 'dashinfer', device: 'a100' }), []);
});

test('fp8 needs compute capability 8.9', () => {
  const config = { ...A8W8, weight_format: 'fp8_e4m3' };
  const [finding] = findings('QC002', config, { runtime: 'dashinfer', device: 'A100' });
  assert.match(finding?.message ?? '', /needs compute capability 8\.9; NVIDIA A100 has 8\.0/);
  assert.match(finding?.message ?? '', /requires sm89 and above/);
  assert.deepEqual(findings('QC002', config, { runtime: 'dashinfer', device: 'h100' }), []);
});

test('nothing is said without a device', () => {
  assert.deepEqual(findings('QC002', A8W8, { runtime: 'dashinfer' }), []);
  assert.deepEqual(findings('QC002', A8W8), []);
});
