// QC003: names that match nothing, fused layers, and forgotten parts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed, llamaConfig, type Place } from '../../testing/checking.ts';

const LINEARS = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj', 'mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'];
const language = [0, 1, 2].flatMap((layer) => LINEARS.map((name) => `model.layers.${layer}.${name}`));
const vision = [0, 1].map((block) => `model.visual.blocks.${block}.attn.qkv`);

function awqTensors(plain: readonly string[], packed: readonly string[]): NonNullable<Place['tensors']> {
  return Object.fromEntries([
    ...plain.map((name) => [`${name}.weight`, ['BF16', [64, 64]]] as const),
    ...packed.map((name) => [`${name}.qweight`, ['I32', [64, 8]]] as const),
  ]);
}

const AWQ = { quant_method: 'awq', bits: 4, group_size: 64, zero_point: true, version: 'gemm' };
const OWN = { quant_method: 'rtn', weight_format: 'int4', group_size: 64 };
const tensors = awqTensors([...vision, ...language], []);

function config(own: object): object {
  return { ...llamaConfig(64, 64), quantization_config: own };
}

test('a name without its prefix gets it, with counts', () => {
  const own = { ...OWN, ignore: ['lm_head', 'visual'] };
  const [finding] = findings('QC003', own, { tensors });
  assert.match(finding?.message ?? '', /"visual" matches none of 23 modules of the checkpoint, and is passed over in silence; "model\\\\.visual" matches 2\./);
  assert.equal(finding?.severity, 'warning');
  assert.deepEqual(fixed('QC003', own, { tensors }), { ...own, ignore: ['lm_head', 'model\\.visual'] });
});

test('a slip in a name gets the nearest name, and a name that nobody has can go', () => {
  assert.deepEqual(fixed('QC003', { ...OWN, ignore: ['.*down_porj'] }, { tensors }), { ...OWN, ignore: ['.*down_proj'] });
  const [finding] = findings('QC003', { ...OWN, ignore: ['.*mamba_mixer'] }, { tensors });
  assert.equal(finding?.severity, 'information');
  assert.deepEqual(fixed('QC003', { ...OWN, ignore: ['.*mamba_mixer'] }, { tensors }), { ...OWN, ignore: [] });
});

test('names that match, lm_head, and checkpoints that are not known in full are silent', () => {
  assert.deepEqual(findings('QC003', { ...OWN, ignore: ['model\\.visual', 'lm_head'] }, { tensors }), []);
  assert.deepEqual(findings('QC003', { ...OWN, ignore: ['visual'] }), []);
  assert.deepEqual(findings('QC003', { ...OWN, ignore: ['visual'] }, { beside: { 'config.json': {} } }), []);
});

test('one shard of a fused layer alone is told, and the others follow it', () => {
  const own = { ...OWN, save_format: 'compressed-tensors', ignore: ['.*q_proj'] };
  const [finding] = findings('QC003', own, { tensors });
  assert.match(finding?.message ?? '', /q_proj is left in floating point and k_proj and v_proj are quantized in model\.layers\.0\.self_attn and 2 more/);
  assert.match(finding?.message ?? '', /Found a different quantization schemes/);
  assert.deepEqual(fixed('QC003', own, { tensors }), { ...own, ignore: ['.*q_proj', '.*k_proj', '.*v_proj'] });
});

test('the sizes of the model are enough to see it, and settings that differ count', () => {
  const gptq = { quant_method: 'gptq', bits: 4, group_size: 64, desc_act: false, sym: true };
  const own = { ...gptq, dynamic: { '.*up_proj': { bits: 8 } } };
  assert.match(findings('QC003', config(own), { file: 'config.json' })[0]?.message ?? '', /up_proj has other settings than gate_proj/);
  assert.deepEqual(
    fixed('QC003', config(own), { file: 'config.json' }),
    config({ ...gptq, dynamic: { '.*up_proj': { bits: 8 }, '.*gate_proj': { bits: 8 } } }),
  );
});

test('a runtime that refuses them is told once, as an error with the fix', () => {
  const weights = { num_bits: 4, type: 'int', symmetric: true, strategy: 'group', group_size: 128 };
  const ct = (ignore: readonly string[]): object => ({
    ...llamaConfig(1024, 4096),
    quantization_config: { quant_method: 'compressed-tensors', format: 'pack-quantized', config_groups: { group_0: { targets: ['Linear'], weights } }, ignore },
  });
  const place: Place = { file: 'config.json', runtime: 'vllm', device: 'a100-80gb' };
  const told = findings('QC003', ct(['lm_head', 're:.*q_proj']), place).map(({ severity, supportRule }) => [severity, supportRule]);
  assert.deepEqual(told, [['error', 'VL-CT-FUSED']]);
  assert.deepEqual(fixed('QC003', ct(['lm_head', 're:.*q_proj']), place), ct(['lm_head', 're:.*q_proj', 're:.*k_proj', 're:.*v_proj']));
  const both = findings('QC003', ct(['re:.*q_proj', 're:.*up_proj']), place);
  assert.deepEqual(
    both.map(({ severity, fixes }) => [severity, fixes.length]),
    [
      ['error', 1],
      ['error', 1],
    ],
  );
  const gptq = {
    ...llamaConfig(1024, 4096),
    quantization_config: { quant_method: 'gptq', bits: 4, group_size: 128, desc_act: false, sym: true, dynamic: { '.*up_proj': { bits: 8 } } },
  };
  const mixed = findings('QC003', gptq, { file: 'config.json', runtime: 'sglang', device: 'a100-80gb' });
  assert.deepEqual(
    mixed.map(({ severity, supportRule }) => [severity, supportRule]),
    [['error', 'SG-MIX']],
  );
  assert.deepEqual(findings('QC003', ct(['lm_head', 're:.*[qkv]_proj']), place), []);
});

test('whole fused layers, other layers, our own layout and runtimes that fuse nothing are silent', () => {
  const own = { ...OWN, save_format: 'compressed-tensors' };
  assert.deepEqual(findings('QC003', { ...own, ignore: ['.*[qkv]_proj'] }, { tensors }), []);
  assert.deepEqual(findings('QC003', { ...own, ignore: ['.*down_proj'] }, { tensors }), []);
  assert.deepEqual(findings('QC003', { ...own, ignore: ['.*q_proj'], save_format: 'quantwright' }, { tensors }), []);
  assert.deepEqual(findings('QC003', { ...own, ignore: ['.*q_proj'] }, { tensors, runtime: 'transformers' }), []);
});

test('a vision tower that stayed plain belongs in the list', () => {
  const place: Place = { file: 'config.json', tensors: awqTensors(vision, language) };
  const listed = { ...AWQ, modules_to_not_convert: ['lm_head'] };
  assert.match(findings('QC003', config(listed), place)[0]?.message ?? '', /vision or audio part \(2 modules, model\.visual\.blocks\.0\.attn\.qkv/);
  assert.deepEqual(fixed('QC003', config(listed), place), config({ ...AWQ, modules_to_not_convert: ['lm_head', 'model.visual'] }));
  assert.deepEqual(findings('QC003', config({ ...AWQ, modules_to_not_convert: ['model.visual'] }), place), []);
});

test('compressed-tensors: regular expressions, whole names, targets, and a router that stayed plain', () => {
  const weights = { num_bits: 4, type: 'int', symmetric: true, strategy: 'group', group_size: 64 };
  const ct = (ignore: readonly string[], targets: readonly string[] = ['Linear']): object =>
    config({ quant_method: 'compressed-tensors', format: 'pack-quantized', config_groups: { group_0: { targets, weights } }, ignore });
  const packed = Object.fromEntries(language.map((name) => [`${name}.weight_packed`, ['I32', [64, 8]] as const]));
  const place: Place = { file: 'config.json', tensors: { ...packed, 'model.layers.0.mlp.gate.weight': ['BF16', [8, 64]] } };
  assert.deepEqual(fixed('QC003', ct(['lm_head']), place), ct(['lm_head', 're:.*mlp\\.gate$']));
  assert.deepEqual(
    fixed('QC003', ct(['lm_head', 're:.*mlp.gate$', 're:layers.0.mlp.down_proj']), place),
    ct(['lm_head', 're:.*mlp.gate$', 're:model\\.layers.0.mlp.down_proj']),
  );
  assert.deepEqual(fixed('QC003', ct(['re:.*gate$'], ['re:.*down_porj$']), place), ct(['re:.*gate$'], ['re:.*down_proj$']));
  assert.deepEqual(findings('QC003', ct(['lm_head', 're:.*mlp.gate$']), place), []);
});
