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

test('only the group size that fails is blamed for its layers, where it is written', () => {
  const config = {
    quant_method: 'instant_quant',
    weight_format: 'uint4',
    group_size: 128,
    overrides: { '.*down_proj': { group_size: 96 }, '.*o_proj': { group_size: 40 } },
  };
  const [finding] = findings('QC001', config, { model: llamaConfig(1024, 2048), runtime: 'dashinfer' });
  assert.match(finding?.message ?? '', /group size 40 of an override does not divide o_proj K = 1024; the largest that works is group_size 512\./);
  assert.deepEqual(finding?.path, ['overrides']);
});

test('where nothing but per channel works, it says so', () => {
  const config = { quant_method: 'instant_quant', weight_format: 'int8', group_size: 128 };
  const place = { model: llamaConfig(8192, 29568), runtime: 'dashinfer', tensorParallel: 4 } as const;
  assert.match(findings('QC001', config, place)[0]?.message ?? '', /largest working tp is 1; only group_size -1 \(per channel\) works at tp 4\./);
});

test('a split that the heads do not take is never called working', () => {
  const config = { quant_method: 'instant_quant', weight_format: 'int8', group_size: 512 };
  const model = { ...llamaConfig(7168, 14336), num_attention_heads: 28, head_dim: 256 };
  const [finding] = findings('QC001', config, { model, runtime: 'dashinfer', tensorParallel: 8 });
  // 14336 / 7 = 2048 and 7168 / 7 = 1024 are whole groups, and 28 heads split in 7; 8 divides the sizes, but not the heads.
  assert.match(finding?.message ?? '', /largest working tp is 7\./);
  assert.deepEqual(finding?.fixes, []);
});

test('experts and shared experts are told apart from the dense blocks', () => {
  const model = {
    ...llamaConfig(2048, 10944),
    model_type: 'deepseek_v2',
    moe_intermediate_size: 1408,
    n_routed_experts: 64,
    n_shared_experts: 2,
    first_k_dense_replace: 1,
    kv_lora_rank: 512,
    qk_nope_head_dim: 128,
    qk_rope_head_dim: 64,
    v_head_dim: 128,
  };
  const config = { quant_method: 'gptq', weight_format: 'uint4', group_size: 256 };
  assert.match(
    findings('QC001', config, { model })[0]?.message ?? '',
    /does not divide down_proj K = 10944 and experts\.down_proj K = 1408; the largest that works is group_size 64\./,
  );
});

test('a model whose sizes are not known is said, once a target is chosen', () => {
  const config = { quant_method: 'rtn', weight_format: 'uint4', group_size: 128 };
  const model = { model_type: 'mamba' };
  const [finding] = findings('QC001', config, { model, runtime: 'vllm' });
  assert.equal(finding?.severity, 'information');
  assert.match(finding?.message ?? '', /sizes are not checked: the linears of model_type "mamba" are not known/);
  assert.deepEqual(findings('QC001', config, { model }), []);
});
