// QC020: dropped and renamed keys.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed } from '../../testing/checking.ts';

const GPTQ = { bits: 4, group_size: 128, desc_act: false, sym: true };
const gptq = { file: 'quantize_config.json' };
const INC = { mode: 'QUANTIZE', observer: 'maxabs', scale_method: 'maxabs_hw', dump_stats_path: './stats' };
const inc = { file: 'maxabs_quant.json' };

test('a dropped key goes, each once', () => {
  assert.equal(findings('QC020', { ...GPTQ, use_exllama: true }, gptq).length, 1);
  assert.deepEqual(fixed('QC020', { ...GPTQ, use_exllama: true }, gptq), GPTQ);
  assert.deepEqual(fixed('QC020', { ...GPTQ, use_cuda_fp16: true }, gptq), GPTQ);
});

test('an old name becomes the new one, or goes beside it', () => {
  const list = { names: [], types: ['torch.nn.Linear'] };
  assert.deepEqual(fixed('QC020', { ...INC, whitelist: list }, inc), { ...INC, allowlist: list });
  const both = fixed('QC020', { ...INC, allowlist: list, whitelist: { names: ['x'], types: [] } }, inc);
  assert.deepEqual(both, { ...INC, allowlist: list });
});

test('keys in use are silent, and unknown ones are another rule', () => {
  assert.deepEqual(findings('QC020', GPTQ, gptq), []);
  assert.deepEqual(findings('QC020', { ...GPTQ, colour: 'red' }, gptq), []);
});
