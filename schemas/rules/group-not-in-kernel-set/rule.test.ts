// QC006: group sizes kernels do not come in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed, llamaConfig } from '../../testing/checking.ts';

const IQ = { quant_method: 'instant_quant', weight_format: 'uint4', group_size: 48 };

test('the nearest size of the set is offered', () => {
  assert.deepEqual(fixed('QC006', IQ, { runtime: 'dashinfer' }), { ...IQ, group_size: 64 });
});

test('the offered size divides the layers of the model too', () => {
  assert.deepEqual(fixed('QC006', { ...IQ, group_size: 1024 }, { runtime: 'dashinfer', model: llamaConfig(2048, 5760) }), { ...IQ, group_size: 128 });
});

test('integers of qrazor have the groups of its shifts', () => {
  const config = { quant_method: 'qrazor', compute_method: 'activate_quant', group_size: 24, save_format: 'quantwright' };
  assert.deepEqual(fixed('QC006', config, { runtime: 'quantwright' }), { ...config, group_size: 16 });
});

test('sizes of the set are silent', () => {
  assert.deepEqual(findings('QC006', { ...IQ, group_size: 32 }, { runtime: 'dashinfer' }), []);
});
