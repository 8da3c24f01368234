import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Target } from '@quantwright/schemas/hardware/target';
import { deviceDetail, parseTargets, targetLabel, targetsLabel } from './targets.ts';

const h100: Target = { runtime: 'dashinfer', version: null, device: 'nvidia-h100', tensorParallel: 1 };

test('the status bar names runtime, device and tensor parallel size', () => {
  assert.equal(targetsLabel([h100]), 'dashinfer · h100 · tp 1');
});

test('without a target the status bar says so', () => {
  assert.equal(targetsLabel([]), 'No target');
});

test('further targets are counted', () => {
  assert.equal(targetsLabel([h100, { ...h100, tensorParallel: 2 }, { ...h100, device: null }]), 'dashinfer · h100 · tp 1 (+2)');
});

test('a version is part of the label, a missing device is said', () => {
  assert.equal(targetLabel({ runtime: 'vllm', version: '0.6', device: null, tensorParallel: 4 }), 'vllm 0.6 · any device · tp 4');
});

test('settings with left-out or wrong fields become targets with defaults', () => {
  assert.deepEqual(parseTargets([{ runtime: 'dashinfer', device: 'nvidia-h100' }, 'nonsense', { device: 'x' }, { runtime: 'vllm', tensorParallel: 0 }]), [
    h100,
    { runtime: 'vllm', version: null, device: null, tensorParallel: 1 },
  ]);
  assert.deepEqual(parseTargets('nonsense'), []);
});

test('a device is described by what decides support', () => {
  const detail = deviceDetail({
    id: 'nvidia-h100',
    name: 'NVIDIA H100',
    aliases: ['h100'],
    kind: 'cuda',
    family: 'Hopper',
    computeCapability: 90,
    memoryGiB: 80,
    simd: [],
    source: '',
    asOf: '',
  });
  assert.equal(detail, 'Hopper · compute capability 9.0 · 80 GiB');
});
