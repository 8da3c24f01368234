import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobMemory, memoryRefusal, type PhaseDemand } from './phase.ts';

const mib = 2 ** 20;
/** Uses what it may between 10 and 50 MiB. */
const bands: PhaseDemand = {
  memory: (budget) => ({ phase: 'round', at: 'lm_head', parts: [{ what: 'packed rows', bytes: Math.max(10 * mib, Math.min(50 * mib, budget)) }] }),
  advice: [],
};
const hessian: PhaseDemand = {
  memory: () => ({ phase: 'solve', at: 'model.layers.0', parts: [{ what: 'Hessian of down_proj', bytes: 200 * mib }] }),
  advice: [{ setting: '"true_sequential": true', leastBytes: 120 * mib }],
};

test('without a limit every phase takes what it likes, and the largest counts', () => {
  const memory = jobMemory([bands, hessian], 100 * mib, null);
  assert.equal(memory.peakBytes, 300 * mib);
  assert.equal(memoryRefusal([bands, hessian], memory, null), null);
  assert.equal(jobMemory([bands], 100 * mib, null).peakBytes, 150 * mib);
});

test('a limit makes phases smaller, until one cannot be', () => {
  assert.equal(jobMemory([bands], 100 * mib, 120 * mib).peakBytes, 120 * mib);
  const memory = jobMemory([bands], 100 * mib, 105 * mib);
  assert.equal(
    memoryRefusal([bands], memory, 105 * mib),
    'the job needs at least 110 MiB, more than the memory limit of 105 MiB: 100 MiB for the process and 10 MiB to round lm_head (packed rows 10 MiB); ' +
      'what would hold it: a memory limit of 110 MiB',
  );
});

test('only settings that would hold the job are named', () => {
  const told = (limit: number): string => memoryRefusal([bands, hessian], jobMemory([bands, hessian], 100 * mib, limit), limit) ?? '';
  assert.match(told(250 * mib), /true_sequential/);
  assert.doesNotMatch(told(200 * mib), /true_sequential/);
});
