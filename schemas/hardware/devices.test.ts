// Devices are found however users spell them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { devices, findDevice } from './devices.ts';

test('names, ids and aliases find their device, in any spelling', () => {
  const spellings = {
    h100: 'nvidia-h100',
    'H100 SXM': 'nvidia-h100',
    'NVIDIA A100': 'nvidia-a100',
    'a100-80g': 'nvidia-a100',
    'RTX 4090': 'nvidia-rtx-4090',
    rtx4090: 'nvidia-rtx-4090',
    'GeForce RTX 3090': 'nvidia-rtx-3090',
    'Tesla V100': 'nvidia-v100',
    T4: 'nvidia-t4',
    'x86-avx2': 'x86-avx2',
    AVX512_VNNI: 'x86-avx512vnni',
    'Sapphire Rapids': 'x86-amx',
    armv9: 'armv9-sve',
  };
  for (const [spelling, id] of Object.entries(spellings)) {
    assert.equal(findDevice(spelling)?.id, id, spelling);
  }
});

test('an unknown name finds nothing', () => {
  assert.equal(findDevice('abacus'), null);
  assert.equal(findDevice(''), null);
});

test('no two devices share a spelling, and each has a source', () => {
  const owners = new Map<string, string>();
  for (const device of devices) {
    for (const spelling of [device.id, device.name, ...device.aliases]) {
      assert.equal(findDevice(spelling)?.id, device.id, spelling);
      owners.set(spelling, device.id);
    }
    assert.ok(device.source !== '' && /^\d{4}-\d{2}$/.test(device.asOf), device.id);
    assert.equal(device.kind === 'cuda', device.computeCapability !== null, device.id);
  }
  assert.ok(owners.size > devices.length);
});
