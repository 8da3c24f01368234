// Blocks of fp8 weights on one device: what is checked at which split, and the split that works.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ModelShape } from '../checkpoint/model-shape.ts';
import { isShape, modelShapeFromConfig } from '../checkpoint/shape-from-config.ts';
import { baseRecipe } from '../recipe/base-recipe.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { blockProblem, largestBlockSplit } from './block-size.ts';

function recipeOf(block: readonly [number, number] | null, rest: Partial<Recipe> = {}): Recipe {
  return { ...baseRecipe('hf-gptq', 'fp8', ['fp8'], { dtype: 'fp8_e4m3', bits: 8, block }), ...rest };
}

function modelOf(config: Readonly<Record<string, unknown>>): ModelShape {
  const shape = modelShapeFromConfig({ model_type: 'llama', num_hidden_layers: 2, vocab_size: 100, ...config });
  assert.ok(isShape(shape), JSON.stringify(shape));
  return shape;
}

function problem(recipe: Recipe, model: ModelShape | null, tensorParallel: number): string | null {
  const target = { runtime: 'vllm' as const, version: null, device: null, tensorParallel };
  return blockProblem({ recipe, model, target, device: null, intent: 'run' }, { n: 'N', k: 'K' })?.message ?? null;
}

const BLOCK = recipeOf([128, 128]);
const dense = { hidden_size: 4096, intermediate_size: 12288, num_attention_heads: 32, num_key_value_heads: 8, head_dim: 128 };

test('every part that a block does not divide is named, with the split that works', () => {
  const model = modelOf({ ...dense, intermediate_size: 3072 });
  assert.equal(problem(BLOCK, model, 8), null);
  assert.equal(problem(BLOCK, model, 16), 'vLLM: weight block 128 does not divide gate_proj, up_proj N = 3072 / tp 16 = 192; largest working tp is 8.');
});

test('keys and values are not split below one head', () => {
  assert.equal(problem(BLOCK, modelOf(dense), 32), null);
  const small = modelOf({ ...dense, head_dim: 64 });
  assert.match(problem(BLOCK, small, 8) ?? '', /k_proj, v_proj N = 512 \/ tp 8 = 64; largest working tp is 4/);
});

test('on one device the shards of a matrix count, all but the last; alone a linear may end in part of a block', () => {
  assert.match(problem(BLOCK, modelOf({ ...dense, intermediate_size: 10944 }), 1) ?? '', /gate_proj N = 10944; it does not fit at any tensor parallel size/);
  assert.equal(problem(BLOCK, modelOf({ ...dense, hidden_size: 4000 }), 1), null);
  const latent = modelOf({
    model_type: 'deepseek_v3',
    hidden_size: 7168,
    intermediate_size: 18432,
    num_attention_heads: 128,
    q_lora_rank: 1536,
    kv_lora_rank: 512,
    qk_nope_head_dim: 128,
    qk_rope_head_dim: 64,
    v_head_dim: 128,
  });
  // kv_a_proj_with_mqa has 576 outputs, held whole on every device.
  assert.deepEqual(
    [1, 8, 16].map((tensorParallel) => problem(BLOCK, latent, tensorParallel)),
    [null, null, null],
  );
});

test('matrices that the checkpoint has fused are split shard by shard', () => {
  const fused = modelOf({ ...dense, model_type: 'phi3', intermediate_size: 3072 });
  assert.match(problem(BLOCK, fused, 16) ?? '', /gate_up_proj N = 3072 \/ tp 16 = 192/);
  assert.equal(problem(BLOCK, fused, 8), null);
});

test('nothing is said without blocks, without a model, or of modules left in floating point', () => {
  const model = modelOf({ ...dense, intermediate_size: 3072 });
  assert.equal(problem(recipeOf(null), model, 16), null);
  assert.equal(problem(BLOCK, null, 16), null);
  assert.equal(problem(recipeOf([128, 128], { ignore: ['.*mlp'] }), model, 16), null);
});

test('the largest split works, and none between it and the asked one does', () => {
  const size = fc.integer({ min: 1, max: 40 }).map((count) => count * 64);
  fc.assert(
    fc.property(size, size, fc.constantFrom(4, 8, 16, 32), fc.integer({ min: 2, max: 32 }), (intermediate, headDim, heads, tensorParallel) => {
      const model = modelOf({ hidden_size: 2048, intermediate_size: intermediate, num_attention_heads: heads, head_dim: headDim });
      const best = largestBlockSplit(BLOCK, model, tensorParallel);
      for (let split = tensorParallel - 1; split >= 1; split -= 1) {
        const works = heads % split === 0 && problem(BLOCK, model, split) === null;
        assert.equal(works && split > (best ?? 0), false);
        assert.ok(split !== best || works);
      }
    }),
    { numRuns: 200 },
  );
});
