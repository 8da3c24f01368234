// QC024: configs against the shapes of their tensors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed, llamaConfig, type Place } from '../../testing/checking.ts';

type Tensors = NonNullable<Place['tensors']>;
const GPTQ = { quant_method: 'gptq', bits: 4, group_size: 128, desc_act: false, sym: true };
const K = 256;
const N = 512;

function gptqTensors(bits: number, group: number, names: readonly string[] = ['up_proj']): Tensors {
  return Object.fromEntries(
    names.flatMap((name) => [
      [`model.layers.0.mlp.${name}.qweight`, ['I32', [(K * bits) / 32, N]]] as const,
      [`model.layers.0.mlp.${name}.scales`, ['F16', [K / group, N]]] as const,
      [`model.layers.0.mlp.${name}.qzeros`, ['I32', [K / group, (N * bits) / 32]]] as const,
    ]),
  );
}

function awqTensors(bits: number, group: number): Tensors {
  return {
    'model.layers.0.mlp.up_proj.qweight': ['I32', [K, (N * bits) / 32]],
    'model.layers.0.mlp.up_proj.scales': ['F16', [K / group, N]],
    'model.layers.0.mlp.up_proj.qzeros': ['I32', [K / group, (N * bits) / 32]],
  };
}

const beside = (tensors: Tensors): Place => ({ file: 'config.json', tensors });
const config = (own: object): object => ({ ...llamaConfig(K, N), quantization_config: own });

test('the group size of GPTQ tensors is written into the config', () => {
  const [finding] = findings('QC024', config(GPTQ), beside(gptqTensors(4, 64)));
  assert.match(
    finding?.message ?? '',
    /says group_size 128, the tensors of model\.layers\.0\.mlp\.up_proj say group_size 64 \(.*K = 32 x 32 \/ 4 = 256, 4 rows of scales/,
  );
  assert.equal(finding?.severity, 'error');
  assert.deepEqual(fixed('QC024', config(GPTQ), beside(gptqTensors(4, 64))), config({ ...GPTQ, group_size: 64 }));
});

test('bits and groups are told from each other, 3 bits and whole rows too', () => {
  assert.deepEqual(fixed('QC024', config(GPTQ), beside(gptqTensors(8, 32))), config({ ...GPTQ, bits: 8, group_size: 32 }));
  assert.deepEqual(fixed('QC024', config(GPTQ), beside(gptqTensors(3, 128))), config({ ...GPTQ, bits: 3 }));
  assert.deepEqual(fixed('QC024', config(GPTQ), beside(gptqTensors(4, K))), config({ ...GPTQ, group_size: -1 }));
});

test('AWQ keeps its codes the other way round', () => {
  const awq = { quant_method: 'awq', bits: 4, group_size: 128, zero_point: true, version: 'gemm' };
  assert.deepEqual(fixed('QC024', config(awq), beside(awqTensors(4, 64))), config({ ...awq, group_size: 64 }));
  assert.deepEqual(findings('QC024', config(awq), beside(awqTensors(4, 128))), []);
  assert.deepEqual(findings('QC024', config({ ...awq, version: 'gemv' }), beside(awqTensors(4, 64))), []);
});

test('overrides are believed for their modules, and blamed for them', () => {
  const tensors = { ...gptqTensors(4, 128, ['up_proj', 'gate_proj']), ...gptqTensors(8, 128, ['down_proj']) };
  const own = { ...GPTQ, dynamic: { '.*down_proj': { bits: 8 } } };
  assert.deepEqual(findings('QC024', config(own), beside(tensors)), []);
  const [finding] = findings('QC024', config({ ...GPTQ, dynamic: { '.*down_proj': { bits: 2 } } }), beside(tensors));
  assert.match(finding?.message ?? '', /says 2 bits, the tensors of model\.layers\.0\.mlp\.down_proj say 8 bits/);
  assert.deepEqual([finding?.path.at(-1), finding?.fixes], ['dynamic', []]);
});

test('what differs in some modules only is told without a fix for all', () => {
  const [finding] = findings('QC024', config(GPTQ), beside({ ...gptqTensors(4, 128, ['up_proj']), ...gptqTensors(8, 128, ['down_proj']) }));
  assert.match(finding?.message ?? '', /down_proj say 8 bits/);
  assert.deepEqual(finding?.fixes, []);
});

test('a config beside plain weights belongs to another checkpoint', () => {
  const plain: Tensors = { 'model.layers.0.mlp.up_proj.weight': ['BF16', [N, K]] };
  assert.match(findings('QC024', config(GPTQ), beside(plain))[0]?.message ?? '', /says gptq, but the files hold no packed weights: 1 linears are plain/);
});

test('blocks of fp8 scales are compared, rounded up', () => {
  const fp8 = { quant_method: 'fp8', activation_scheme: 'dynamic', weight_block_size: [128, 128] };
  const tensors = (rows: number, columns: number): Tensors => ({
    'model.layers.0.mlp.up_proj.weight': ['F8_E4M3', [N, 200]],
    'model.layers.0.mlp.up_proj.weight_scale_inv': ['F32', [rows, columns]],
  });
  assert.deepEqual(findings('QC024', config(fp8), beside(tensors(4, 2))), []);
  assert.match(findings('QC024', config(fp8), beside(tensors(8, 4)))[0]?.message ?? '', /says blocks of 128 x 128, the tensors of .* say blocks of 64 x 50/);
});

test('a config that agrees, and shapes that tell nothing, are silent', () => {
  assert.deepEqual(findings('QC024', config(GPTQ), beside(gptqTensors(4, 128))), []);
  assert.deepEqual(findings('QC024', config({ ...GPTQ, group_size: 512 }), beside(gptqTensors(4, K))), []);
  assert.deepEqual(findings('QC024', config(GPTQ), beside({ 'model.layers.0.mlp.up_proj.qweight': ['I32', [32, N]] })), []);
  assert.deepEqual(findings('QC024', config(GPTQ), { file: 'config.json' }), []);
});

test('packed weights of compressed-tensors need the sizes of the model for their bits', () => {
  const weights = (num_bits: number, group_size: number): object => ({ num_bits, type: 'int', symmetric: true, strategy: 'group', group_size });
  const ct = (bits: number, group: number): object => ({
    quant_method: 'compressed-tensors',
    format: 'pack-quantized',
    config_groups: { group_0: { targets: ['Linear'], weights: weights(bits, group) } },
    ignore: ['lm_head'],
  });
  const tensors: Tensors = {
    'model.layers.0.mlp.up_proj.weight_packed': ['I32', [N, K / 8]],
    'model.layers.0.mlp.up_proj.weight_scale': ['BF16', [N, K / 64]],
  };
  assert.deepEqual(fixed('QC024', config(ct(4, 128)), beside(tensors)), config(ct(4, 64)));
  assert.match(
    findings('QC024', config(ct(8, 64)), beside(tensors))[0]?.message ?? '',
    /says 8 bits, the tensors of .* say 4 bits, group_size 64 \(weight_packed \[512, 32\]/,
  );
  assert.deepEqual(findings('QC024', config(ct(4, 64)), beside(tensors)), []);
});
