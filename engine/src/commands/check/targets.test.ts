// --runtime, --device, --tp and --severity as people write them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRuntime } from '@quantwright/schemas/hardware/runtimes/index';
import { inRange } from '@quantwright/schemas/hardware/version-range';
import { severityOption } from './severity-option.ts';
import { askedTargets, runtimeVersions, targetsOf } from './targets.ts';

test('every runtime meets every device; a device named twice counts once', async () => {
  const asked = await askedTargets({ runtime: ['dashinfer', 'transformers@4.5'], device: ['h100', 'V100', 'NVIDIA H100'], tp: 2 });
  assert.deepEqual(
    targetsOf(asked).map(({ runtime, version, device, tensorParallel }) => `${runtime} ${version} ${device} ${tensorParallel}`),
    ['dashinfer null nvidia-h100 2', 'dashinfer null nvidia-v100 2', 'transformers 4.5 nvidia-h100 2', 'transformers 4.5 nvidia-v100 2'],
  );
  assert.deepEqual(targetsOf(await askedTargets({ runtime: ['vllm'], device: [] })), [{ runtime: 'vllm', version: null, device: null, tensorParallel: 1 }]);
});

test('this is the device of the machine, and a machine without one is told', async () => {
  const asked = await askedTargets({ runtime: [], device: ['this'] }, () => Promise.resolve('x86-avx2'));
  assert.deepEqual(asked.devices, ['x86-avx2']);
  await assert.rejects(
    askedTargets({ runtime: [], device: ['this'] }, () => Promise.resolve(null)),
    /--device this: no row of the device list fits/,
  );
});

test('a range stands for the versions in it at which something changes', () => {
  assert.deepEqual(runtimeVersions('dashinfer@>=2.0 <2.1'), [{ id: 'dashinfer', version: '2.0' }]);
  const versions = runtimeVersions('transformers@>=4 <6').map(({ version }) => version);
  assert.ok(versions.includes('5.0') && versions.includes('5.18'), versions.join(' '));
  assert.ok(versions.every((version) => inRange(version, '>=4 <6')));
  assert.deepEqual(runtimeVersions('transformers@>=7 <=8'), [
    { id: 'transformers', version: '7' },
    { id: 'transformers', version: '8' },
  ]);
  assert.deepEqual(runtimeVersions('transformers@=5.1'), [{ id: 'transformers', version: '5.1' }]);
  assert.equal(findRuntime('transformers')?.versions.includes('5.18'), true);
});

test('wrong names, versions and levels are told', () => {
  assert.throws(() => runtimeVersions('vlm'), /no such runtime: vlm; did you mean vllm\?/);
  assert.throws(() => runtimeVersions('vllm@latest'), /"latest" is no version or range/);
  assert.throws(() => runtimeVersions('vllm@'), /is no version or range/);
  assert.throws(() => runtimeVersions('dashinfer@>7 <7'), /no version lies in this range/);
  assert.throws(() => severityOption('QC012', {}), /a code and a level/);
  assert.throws(() => severityOption('QC999=off', {}), /no diagnostic "QC999"/);
  assert.throws(() => severityOption('QC012=loud', {}), /"loud" is no level/);
  assert.deepEqual(severityOption('QC012 = off', { QC001: 'hint', QC012: 'error' }), { QC001: 'hint', QC012: 'off' });
});
