// DashInfer's model configs: weights of the converted model, the KV cache, and files of other tools that look alike.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEdits } from '../../document/edit.ts';
import { parseJson } from '../../document/json.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import { dashinferModel } from './format.ts';

const file = {
  model_name: 'm',
  model_type: 'LLaMA_v3',
  device_type: 'CPU',
  engine_config: { engine_max_length: 1024 },
  quantization_config: { activation_type: 'bfloat16', weight_type: 'uint8', SubChannel: true, GroupSize: 256 },
};
const claimed = (value: unknown): boolean => dashinferModel.match('config_x.json', parseJson(JSON.stringify(value)).root) !== null;
const lowered = (value: unknown): Recipe | null => dashinferModel.lower(value, []).recipe;

test('weights are uint8 in groups, or per channel without SubChannel', () => {
  assert.deepEqual(
    [lowered(file)?.weights.groupSize, lowered(file)?.weights.signed, lowered(file)?.computeDtype, lowered(file)?.kvCache],
    [256, false, 'bfloat16', null],
  );
  const perChannel = { ...file, quantization_config: { ...file.quantization_config, SubChannel: false } };
  assert.equal(lowered(perChannel)?.weights.groupSize, -1);
  assert.equal(lowered({ ...file, quantization_config: null }), null);
});

test('the KV cache is read from runtime_config', () => {
  const bits = (kv_cache_mode: string): number | undefined => lowered({ ...file, runtime_config: { kv_cache_mode } })?.kvCache?.bits;
  assert.deepEqual([bits('AsCacheQuantI8'), bits('AsCacheQuantU4'), bits('AsCacheDefault'), bits('int8')], [8, 4, undefined, undefined]);
});

test('only files of its shape are claimed', () => {
  assert.ok(claimed(file));
  assert.ok(claimed({ runtime_config: { kv_cache_mode: 'AsCacheQuantI8' } }));
  assert.ok(!claimed({ model_type: 'llama', architectures: ['LlamaForCausalLM'], quantization_config: { quant_method: 'gptq', bits: 4 } }));
  assert.ok(!claimed({ engine_config: {}, runtime_config: { device: 'x' } }));
  assert.ok(!claimed({ model: {}, engine: { type: 'accuracy_aware' }, algorithms: [] }));
});

test('a group size is written with SubChannel, per channel without', () => {
  const text = JSON.stringify({ ...file, quantization_config: { weight_type: 'uint8', activation_type: 'bfloat16' } }, null, 2);
  for (const size of [128, -1]) {
    const edits = dashinferModel.spell('weights.groupSize', size, { value: JSON.parse(text), path: [] });
    assert.equal(lowered(JSON.parse(applyEdits(text, edits)))?.weights.groupSize, size);
  }
});
