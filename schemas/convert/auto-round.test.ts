// auto-round's checkpoints in the packing of GPTQ and AWQ, under the names by which more runtimes know them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conversions, convert, recipeOf } from './testing.ts';

const settings = { quant_method: 'auto-round', bits: 4, group_size: 128, sym: true, data_type: 'int', autoround_version: '0.5.1', iters: 200 };
const config = (more: object): object => ({ model_type: 'llama', quantization_config: { ...settings, ...more } });

test('GPTQ packing is named GPTQ where it stands, with the layers that have settings of their own', () => {
  const extra_config = { 'model.layers.0.mlp.down_proj': { bits: 16, data_type: 'fp' }, 'model.layers.1.mlp.up_proj': { bits: 8, group_size: 32 } };
  const { fileName, text, losses } = convert('auto-round-gptq', 'config.json', config({ packing_format: 'auto_round:auto_gptq', extra_config }));
  assert.equal(fileName, null);
  assert.deepEqual(JSON.parse(text).quantization_config, {
    quant_method: 'gptq',
    bits: 4,
    group_size: 128,
    desc_act: false,
    sym: true,
    true_sequential: false,
    checkpoint_format: 'gptq',
    dynamic: { '-:model\\.layers\\.0\\.mlp\\.down_proj$': {}, 'model\\.layers\\.1\\.mlp\\.up_proj$': { bits: 8, group_size: 32 } },
  });
  assert.deepEqual(losses, ['The method auto_round is not named; the new config says gptq.']);
});

test('AWQ packing is named AWQ', () => {
  const { text } = convert('auto-round-awq', 'config.json', config({ sym: false, packing_format: 'auto_round:auto_awq' }));
  const { scheme, weights } = recipeOf('config.json', text);
  assert.deepEqual([scheme, weights.bits, weights.groupSize, weights.symmetric], ['awq', 4, 128, false]);
});

test('its own packing keeps its name', () => {
  for (const packing_format of ['auto_round', 'auto_round:llm_compressor', undefined]) {
    assert.ok(
      conversions('config.json', config({ packing_format })).every(({ id }) => !id.startsWith('auto-round')),
      packing_format,
    );
  }
});
