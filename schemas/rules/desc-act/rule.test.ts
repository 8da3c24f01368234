// QC009: activation order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed } from '../../testing/checking.ts';

const GPTQ = { quant_method: 'gptq', bits: 4, group_size: 128, desc_act: true, sym: true };
const place = { file: 'quantize_config.json' };

test('act_group_aware beside desc_act is switched off', () => {
  assert.deepEqual(fixed('QC009', { ...GPTQ, act_group_aware: true }, place), { ...GPTQ, act_group_aware: false });
});

test('DashInfer does not load it, our kernels do', () => {
  const [finding] = findings('QC009', GPTQ, { ...place, runtime: 'dashinfer' });
  assert.equal(finding?.supportRule, 'DI-13');
  assert.match(finding?.message ?? '', /not support desc act == True/);
  assert.deepEqual(findings('QC009', GPTQ, { ...place, runtime: 'quantwright' }), []);
});
