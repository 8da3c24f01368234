// compressed-tensors: presets and groups, and the settings of a model that a job of ours saves so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presets } from '../configs/hf-compressed-tensors/presets.ts';
import { conversions, convert, recipeOf } from './testing.ts';

const config = (config_groups: object): object => ({
  model_type: 'llama',
  quantization_config: { quant_method: 'compressed-tensors', format: 'pack-quantized', ignore: ['lm_head'], config_groups },
});

test('a preset is written out where it stands', () => {
  const text = `{
  "model_type": "llama",
  "quantization_config": {
    "quant_method": "compressed-tensors",
    "config_groups": {"W4A16": ["Linear"]},
    "ignore": ["lm_head"]
  },
  "vocab_size": 7
}
`;
  const { fileName, text: after, losses } = convert('preset-to-groups', 'config.json', text);
  assert.deepEqual([fileName, losses], [null, []]);
  assert.deepEqual(JSON.parse(after).quantization_config.config_groups, {
    group_0: { targets: ['Linear'], weights: { num_bits: 4, type: 'int', symmetric: true, strategy: 'group', group_size: 128 } },
  });
  assert.ok(after.endsWith('  },\n  "vocab_size": 7\n}\n'), 'the rest stays as it is');
});

test('every preset with weights survives the way there and back', () => {
  for (const [name, preset] of Object.entries(presets)) {
    if (preset['weights'] === undefined) {
      continue;
    }
    const before = recipeOf('config.json', config({ [name]: ['Linear'] }));
    const written = convert('preset-to-groups', 'config.json', config({ [name]: ['Linear'] }));
    const after = recipeOf('config.json', written.text);
    assert.deepEqual([after.weights, after.activations, after.ignore, written.losses], [before.weights, before.activations, before.ignore, []], name);
    const back = JSON.parse(convert('groups-to-preset', 'config.json', written.text).text).quantization_config.config_groups;
    // INT8 is another name of W8A8.
    assert.deepEqual(back, { [name === 'INT8' ? 'W8A8' : name]: ['Linear'] });
  }
});

test('a group that no preset says stays written out, observers and spellings apart', () => {
  const weights = { num_bits: 8, type: 'int', strategy: 'channel', group_size: -1, observer: 'mse' };
  const input_activations = { num_bits: 8, type: 'int', strategy: 'token', dynamic: true };
  const ids = (scheme: object): readonly string[] => conversions('config.json', config({ group_0: scheme })).map(({ id }) => id);
  assert.ok(ids({ targets: ['Linear'], weights, input_activations, output_activations: null }).includes('groups-to-preset'));
  assert.ok(!ids({ targets: ['Linear'], weights: { ...weights, num_bits: 4, group_size: null }, input_activations }).includes('groups-to-preset'));
  assert.ok(!ids({ targets: ['Linear'], weights, input_activations, output_activations: { num_bits: 8 } }).includes('groups-to-preset'));
});

test('two groups of one preset keep their names', () => {
  const weights = { num_bits: 8, type: 'int', strategy: 'group', group_size: 128 };
  const groups = { group_0: { targets: ['re:.*mlp.*'], weights }, group_1: { targets: ['re:.*attn.*'], weights } };
  assert.ok(conversions('config.json', config(groups)).every(({ id }) => id !== 'groups-to-preset'));
});

test('a job of ours becomes the block that its model carries, exceptions included', () => {
  const job = {
    quant_method: 'rtn',
    weight_format: 'int4',
    group_size: 64,
    save_format: 'compressed-tensors',
    ignore: ['.*down_proj'],
    overrides: { '.*up_proj': { weight_format: 'int8' } },
  };
  const { text, losses } = convert('compressed-tensors-block', 'job.quant.json', job);
  assert.deepEqual(losses, []);
  const after = recipeOf('quantization_config.json', text);
  assert.deepEqual([after.weights.bits, after.weights.groupSize, after.overrides[0]?.weights.bits], [4, 64, 8]);
  assert.deepEqual(JSON.parse(text).ignore, ['re:.*down_proj', 'lm_head']);
});

test('8-bit activations go there and come back', () => {
  const job = { quant_method: 'rtn', weight_format: 'int8', compute_method: 'activate_quant', save_format: 'compressed-tensors' };
  const { text, losses } = convert('compressed-tensors-block', 'job.quant.json', job);
  assert.deepEqual(losses, []);
  const back = JSON.parse(convert('quant-json', 'quantization_config.json', text).text);
  assert.deepEqual(back, { ...job, group_size: -1, ignore: ['lm_head'] });
});
