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
    'Alder Lake': 'x86-avxvnni',
    'Raspberry Pi 4': 'armv8-neon',
    Graviton2: 'armv8-neondot',
    armv9: 'armv9-sve',
    GH200: 'nvidia-gh200',
    'DGX Spark': 'nvidia-gb10',
    'RTX PRO 6000': 'nvidia-rtx-pro-6000',
    'RTX 6000 Ada': 'nvidia-rtx-6000-ada',
    A800: 'nvidia-a100',
    H800: 'nvidia-h100',
    'Tesla P40': 'nvidia-p40',
    MI300X: 'amd-mi300x',
    'Gaudi 3': 'intel-gaudi3',
  };
  for (const [spelling, id] of Object.entries(spellings)) {
    assert.equal(findDevice(spelling)?.id, id, spelling);
  }
});

test('an unknown name finds nothing', () => {
  assert.equal(findDevice('abacus'), null);
  assert.equal(findDevice(''), null);
});

test('compute capabilities are those of the GPU map', () => {
  const capabilities: Readonly<Record<string, number>> = {
    P100: 60,
    P40: 61,
    V100: 70,
    T4: 75,
    'RTX 2080 Ti': 75,
    A100: 80,
    A30: 80,
    A10: 86,
    A40: 86,
    'RTX 3080': 86,
    'RTX A6000': 86,
    Orin: 87,
    L4: 89,
    L40S: 89,
    'RTX 4090': 89,
    'RTX 6000 Ada': 89,
    H100: 90,
    H200: 90,
    GH200: 90,
    B200: 100,
    GB200: 100,
    B300: 103,
    'RTX 5090': 120,
    'RTX PRO 6000': 120,
    GB10: 121,
  };
  for (const [name, capability] of Object.entries(capabilities)) {
    assert.equal(findDevice(name)?.computeCapability, capability, name);
  }
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
