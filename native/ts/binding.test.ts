// The functions of the process; those of weights, programs, files and quantizers have tests of their own beside this one. Numbers of kernels are
// tested in kernels/; here small cases with known answers show that arguments reach them, results come back, and misuse is refused in words.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { addonPath, binding, dense, refuses, wrong } from './testing.ts';

describe('cpuInfo and setThreads', () => {
  test('the level in force is one of the available ones', () => {
    const cpu = binding.cpuInfo();
    assert.ok(cpu.available.includes(cpu.level));
    assert.equal(cpu.available[0], 'serial');
    assert.ok(cpu.logicalCores >= 1 && cpu.brand.length > 0 && Array.isArray(cpu.features));
  });

  test('the number of threads is what was asked for', async () => {
    const before = binding.cpuInfo().threads;
    for (const count of [3, before]) {
      binding.setThreads(count);
      await (await dense(1, 1, [1])).dequantize();
      assert.equal(binding.cpuInfo().threads, count);
    }
    for (const count of [0, 65, 1.5, Number.NaN, wrong('2')]) refuses(() => binding.setThreads(count), /setThreads: count must be an integer from 1 to 64/);
  });
});

test('a worker thread can load the addon too', async () => {
  const script = `const b = require(${JSON.stringify(addonPath)});
    b.widen({ type: 'bf16', rows: 1, cols: 1, data: Uint8Array.of(0x80, 0x3f) }).then((x) => require('node:worker_threads').parentPort.postMessage(x[0]));`;
  for (let round = 0; round < 3; ++round) {
    const worker = new Worker(script, { eval: true });
    assert.equal(await new Promise((settle, fail) => worker.once('message', settle).once('error', fail)), 1);
    await worker.terminate();
  }
  assert.deepEqual([...(await binding.widen({ type: 'bf16', rows: 1, cols: 1, data: Uint8Array.of(0, 0x40) }))], [2]);
});
