// QC001, with and without a target.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed, llamaConfig } from '../../testing/checking.ts';

const RTN = { quant_method: 'rtn', weight_format: 'uint4', group_size: 256 };
const GPTQ = { quant_method: 'gptq', bits: 4, group_size: 384, desc_act: false, sym: true };

test('a GPTQ config.json is checked against its own sizes', () => {
  const config = { ...llamaConfig(2048, 5632), quantization_config: GPTQ };
  const [finding] = findings('QC001', config, { file: 'config.json' });
  assert.equal(finding?.severity, 'error');
  assert.match(
    finding?.message ?? '',
    /group_size 384 does not divide q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj K = 2048 and down_proj K = 5632; the largest that works is group_size 512/,
  );
  assert.deepEqual(fixed('QC001', config, { file: 'config.json' }), { ...config, quantization_config: { ...GPTQ, group_size: 512 } });
});

test('without a target our own config only warns: Quantwright runs a shorter last group', () => {
  const place = { model: llamaConfig(384, 1024) };
  assert.equal(findings('QC001', RTN, place)[0]?.severity, 'warning');
  assert.deepEqual(fixed('QC001', RTN, place), { ...RTN, group_size: 128 });
  assert.deepEqual(findings('QC001', RTN, { ...place, runtime: 'quantwright' }), []);
  assert.deepEqual(findings('QC001', { ...RTN, save_format: 'quantwright' }, place), []);
});

test('with a target that splits the model the part on one device counts', () => {
  const config = { quant_method: 'instant_quant', weight_format: 'uint4', group_size: 128 };
  const place = { model: llamaConfig(8192, 29568), runtime: 'dashinfer', tensorParallel: 4 } as const;
  assert.match(
    findings('QC001', config, place)[0]?.message ?? '',
    /down_proj K = 29568 \/ tp 4 = 7392; largest working tp is 1; the largest that works at tp 4 is group_size 32/,
  );
  assert.deepEqual(fixed('QC001', config, place), { ...config, group_size: 32 });
  assert.deepEqual(findings('QC001', config, { ...place, tensorParallel: 1 }), []);
});

test('layers that are ignored do not count', () => {
  const place = { model: llamaConfig(1024, 1100), runtime: 'vllm' } as const;
  const config = { quant_method: 'rtn', weight_format: 'uint4', group_size: 128 };
  assert.equal(findings('QC001', config, place).length, 1);
  assert.deepEqual(findings('QC001', { ...config, ignore: ['.*down_proj'] }, place), []);
});

test('a layout that cannot hold the sizes is left for ours', () => {
  const config = { quant_method: 'rtn', weight_format: 'uint4', group_size: 32 };
  const place = { model: llamaConfig(1024, 1030), runtime: 'quantwright' } as const;
  assert.deepEqual(fixed('QC001', config, place), { ...config, save_format: 'quantwright' });
});
