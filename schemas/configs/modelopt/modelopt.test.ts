// hf_quant_config.json: mixed precision is lowered exactly and fast, exclusions match as the runtimes do, and the KV cache is read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkConfig } from '../../check/check.ts';
import { moduleWeights, startAnchored } from '../../recipe/module-weights.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import { read } from '../../testing/places.ts';
import { lowerModelopt } from './lower-modelopt.ts';
import { globPattern, namesPattern } from './module-globs.ts';

function recipeOf(quantization: unknown): Recipe {
  const { recipe } = lowerModelopt('modelopt', quantization, ['quantization']);
  assert.ok(recipe);
  return recipe;
}

/** Every expert of every layer has an entry; a third of the layers has another setting. */
function mixture(layers: number, experts: number): { readonly quant_algo: string; readonly quantized_layers: Readonly<Record<string, unknown>> } {
  const entries: [string, unknown][] = [];
  for (let layer = 0; layer < layers; layer++) {
    const setting = layer % 3 === 0 ? { quant_algo: 'FP8' } : { quant_algo: 'NVFP4', group_size: 16 };
    for (let expert = 0; expert < experts; expert++) {
      for (const linear of ['gate_proj', 'up_proj', 'down_proj']) {
        entries.push([`model.layers.${layer}.mlp.experts.${expert}.${linear}`, setting]);
      }
    }
  }
  return { quant_algo: 'MIXED_PRECISION', quantized_layers: Object.fromEntries(entries) };
}

test('layers of mixed precision keep their own settings, and what is not listed stays in floating point', () => {
  const weights = moduleWeights(recipeOf(mixture(6, 12)));
  assert.equal(weights('model.layers.0.mlp.experts.11.down_proj')?.dtype, 'fp8_e4m3');
  assert.equal(weights('model.layers.1.mlp.experts.1.up_proj')?.dtype, 'nvfp4');
  assert.equal(weights('model.layers.1.mlp.experts.12.up_proj'), null);
  assert.equal(weights('model.layers.10.mlp.experts.1.up_proj'), null);
  assert.equal(weights('model.layers.1.mlp.experts.1.up_proj_x'), null);
  assert.equal(weights('lm_head'), null);
});

test('an entry for a module means what is in it', () => {
  const weights = moduleWeights(
    recipeOf({ quant_algo: 'MIXED_PRECISION', quantized_layers: { 'layers.0.ffn.experts': { quant_algo: 'NVFP4', group_size: 16 } } }),
  );
  assert.equal(weights('layers.0.ffn.experts.3.w1')?.groupSize, 16);
  assert.equal(weights('layers.0.ffn.gate'), null);
});

test('one expression for many names matches those and no others', () => {
  const part = fc.constantFrom('0', '1', '12', 'mlp', 'q_proj', 'a+b');
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 12 }), name, (names, asked) => {
      const expected = names.some((one) => asked === one || asked.startsWith(`${one}.`));
      assert.equal(startAnchored(namesPattern(names))?.test(asked), expected, namesPattern(names));
    }),
    { numRuns: 2000 },
  );
});

test('exclusions mean a module and all that is in it', () => {
  const matches = (pattern: string, name: string): boolean => startAnchored(globPattern(pattern))?.test(name) ?? false;
  assert.ok(matches('lm_head', 'lm_head'));
  assert.ok(matches('model.layers.1.self_attn', 'model.layers.1.self_attn.q_proj'));
  assert.ok(matches('model.layers.0*', 'model.layers.0.mlp.up_proj'));
  assert.ok(matches('*.mlp.gate', 'model.layers.3.mlp.gate'));
  assert.ok(matches('re:model\\.layers\\.\\d+\\.mlp', 'model.layers.3.mlp.up_proj'));
  assert.ok(!matches('model.layers.1.*', 'model.layers.10.mlp.up_proj'));
  assert.ok(!matches('*.mlp.gate', 'model.layers.3.mlp.gate_proj'));
});

test('the KV cache and group sizes come from the file, constants from the algorithm', () => {
  const nvfp4 = recipeOf({ quant_algo: 'NVFP4', kv_cache_quant_algo: 'FP8' });
  assert.deepEqual([nvfp4.kvCache?.dtype, nvfp4.weights.groupSize, nvfp4.activations?.dtype], ['fp8_e4m3', 16, 'nvfp4']);
  const awq = recipeOf({ quant_algo: 'W4A16_AWQ', group_size: 64, kv_cache_quant_algo: null });
  assert.deepEqual([awq.kvCache, awq.weights.groupSize, awq.activations, awq.methods], [null, 64, null, ['awq']]);
  const fp8 = recipeOf({ quant_algo: 'FP8', group_size: 128, kv_cache_quant_algo: 'INT8' });
  assert.deepEqual([fp8.kvCache?.bits, fp8.weights.groupSize, fp8.computeMethod], [8, -1, 'activate_quant']);
});

test('a file of 3 MB is checked in about a second', (t) => {
  const text = JSON.stringify({ producer: { name: 'modelopt', version: '0.33.0' }, quantization: mixture(60, 200) }, null, 2);
  const started = performance.now();
  const { recipe, findings } = checkConfig({ fileName: 'hf_quant_config.json', text, modelConfigText: null, targets: [] });
  const took = performance.now() - started;
  t.diagnostic(`${(text.length / 2 ** 20).toFixed(1)} MB, ${took.toFixed(0)} ms`);
  assert.ok(text.length > 3 * 2 ** 20);
  assert.deepEqual(findings, []);
  assert.ok((recipe?.overrides[0]?.pattern.length ?? Number.POSITIVE_INFINITY) < 4000);
  // Ten times what an idle machine needs.
  assert.ok(took < 6000, `${took} ms`);
});

test('sizes come from the config.json beside hf_quant_config.json; a TensorRT-LLM checkpoint has its own', () => {
  const modelConfigText = read('models/quill-16m/config.json');
  const check = (file: object): ReturnType<typeof checkConfig> => checkConfig({ fileName: 'x.json', text: JSON.stringify(file), modelConfigText, targets: [] });
  const quantization = { quant_algo: 'W4A16_AWQ', group_size: 128 };
  assert.ok(check({ quantization }).model);
  const checkpoint = check({ architecture: 'LlamaForCausalLM', dtype: 'float16', quantization });
  assert.deepEqual([checkpoint.format, checkpoint.model], ['tensorrt-llm', null]);
});
