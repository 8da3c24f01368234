import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelFiles } from '@quantwright/schemas/checkpoint/model-files';
import { llama7b, marked, type Setting } from '../../testing/marked.ts';

const layers = [0, 1, 2];
const modules = [
  ...layers.flatMap((layer) => ['self_attn.q_proj', 'mlp.down_proj', 'mlp.gate'].map((name) => `model.layers.${layer}.${name}`)),
  'model.vision_tower.head',
  'lm_head',
];
const files: ModelFiles = { texts: new Map(), tensors: { tensors: new Map(), modules, problems: [] } };

const offered = async (text: string, setting: Setting): Promise<Map<string, string>> =>
  new Map((await marked(text, setting).completions()).map(({ label, detail }) => [label, detail ?? '']));

test('our own ignore list gets expressions with counts, from the tensors beside the config', async () => {
  const found = await offered('{ "quant_method": "rtn", "weight_format": "int8", "ignore": [|] }', { files });
  assert.equal(found.get('.*down_proj'), 'matches 3 modules');
  assert.equal(found.get('lm_head'), 'matches 1 module');
  assert.equal(found.get('.*\\.self_attn\\..*'), 'matches 3 modules');
});

test('without tensors the modules that the model’s config implies are offered', async () => {
  const found = await offered('{ "quant_method": "rtn", "weight_format": "int8", "ignore": ["lm_head", "|"] }', { model: llama7b });
  assert.equal(found.get('.*down_proj'), 'matches 32 modules');
  assert.ok(!found.has('lm_head'), 'what stands there is not offered again');
});

test('overrides get them as keys', async () => {
  const found = await offered('{ "quant_method": "gptq", "weight_format": "uint4", "overrides": { | } }', { files });
  assert.equal(found.get('.*q_proj'), 'matches 3 modules');
});

const spelled: readonly (readonly [string, string, string, string])[] = [
  [
    'compressed-tensors',
    'config.json',
    '{ "quantization_config": { "quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": { "group_0": { "targets": ["Linear"], "weights": { "num_bits": 4, "type": "int", "strategy": "group", "group_size": 128 } } }, "ignore": [|] } }',
    're:.*down_proj',
  ],
  [
    'ModelOpt',
    'hf_quant_config.json',
    '{ "producer": { "name": "modelopt" }, "quantization": { "quant_algo": "FP8", "exclude_modules": [|] } }',
    're:.*down_proj',
  ],
  [
    'AWQ in transformers',
    'config.json',
    '{ "quantization_config": { "quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm", "modules_to_not_convert": [|] } }',
    '.*down_proj',
  ],
];
for (const [tool, name, text, label] of spelled) {
  test(`${tool} gets its own spelling`, async () => {
    const found = await offered(text, { name, files });
    assert.equal(found.get(label), 'matches 3 modules');
    assert.equal(found.get('lm_head'), 'matches 1 module');
  });
}

test('a list of something else is left alone', async () => {
  const found = await offered('{ "quant_method": [|], "weight_format": "int8" }', { files });
  assert.ok(![...found.keys()].some((label) => label.includes('proj')));
});
