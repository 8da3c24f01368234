// Model shapes from config.json: sizes, names and splits of the linears; a reason where they are not known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { read } from '../testing/places.ts';
import { modulesOf } from './linears.ts';
import { isShape, modelShapeFromConfig } from './shape-from-config.ts';

test('the embedded model: tied, grouped-query, bfloat16', () => {
  const shape = modelShapeFromConfig(read('models/quill-16m/config.json'));
  assert.ok(isShape(shape));
  assert.deepEqual([shape.layers, shape.headDim, shape.kvHeads, shape.tiedEmbeddings, shape.dtype], [8, 64, 2, true, 'bfloat16']);
  assert.deepEqual(
    shape.linears.map(({ kind, in: input, out, parallel }) => `${kind} ${out}x${input} ${parallel}`),
    [
      'q_proj 384x384 column',
      'k_proj 128x384 column',
      'v_proj 128x384 column',
      'o_proj 384x384 row',
      'gate_proj 1024x384 column',
      'up_proj 1024x384 column',
      'down_proj 384x1024 row',
    ],
  );
});

test('untied models have an lm_head; experts have their own size and names', () => {
  const base = {
    model_type: 'qwen3_moe',
    hidden_size: 2048,
    intermediate_size: 6144,
    moe_intermediate_size: 768,
    num_experts: 128,
    num_hidden_layers: 2,
    num_attention_heads: 32,
    head_dim: 128,
    vocab_size: 100,
  };
  const shape = modelShapeFromConfig(base);
  assert.ok(isShape(shape));
  assert.equal(shape.linears.at(-1)?.kind, 'lm_head');
  assert.deepEqual(
    shape.linears.find(({ kind }) => kind === 'down_proj'),
    { kind: 'down_proj', module: 'model.layers.{i}.mlp.experts.{e}.down_proj', in: 768, out: 2048, parallel: 'row', firstLayer: 0, endLayer: 2 },
  );
  assert.equal(shape.linears.find(({ kind }) => kind === 'o_proj')?.in, 4096);
});

test('DeepSeek-V2-Lite: latent attention, one dense block, shared experts', () => {
  const shape = modelShapeFromConfig({
    model_type: 'deepseek_v2',
    hidden_size: 2048,
    intermediate_size: 10944,
    moe_intermediate_size: 1408,
    n_routed_experts: 64,
    n_shared_experts: 2,
    first_k_dense_replace: 1,
    num_hidden_layers: 27,
    num_attention_heads: 16,
    q_lora_rank: null,
    kv_lora_rank: 512,
    qk_nope_head_dim: 128,
    qk_rope_head_dim: 64,
    v_head_dim: 128,
    vocab_size: 102400,
    tie_word_embeddings: true,
  });
  assert.ok(isShape(shape));
  // Shapes of the published checkpoint's tensors.
  assert.deepEqual(
    shape.linears.map(({ module, in: input, out, firstLayer, endLayer }) => `${module.slice(17)} ${out}x${input} ${firstLayer}-${endLayer}`),
    [
      'self_attn.q_proj 3072x2048 0-27',
      'self_attn.kv_a_proj_with_mqa 576x2048 0-27',
      'self_attn.kv_b_proj 4096x512 0-27',
      'self_attn.o_proj 2048x2048 0-27',
      'mlp.gate_proj 10944x2048 0-1',
      'mlp.up_proj 10944x2048 0-1',
      'mlp.down_proj 2048x10944 0-1',
      'mlp.experts.{e}.gate_proj 1408x2048 1-27',
      'mlp.experts.{e}.up_proj 1408x2048 1-27',
      'mlp.experts.{e}.down_proj 2048x1408 1-27',
      'mlp.shared_experts.gate_proj 2816x2048 1-27',
      'mlp.shared_experts.up_proj 2816x2048 1-27',
      'mlp.shared_experts.down_proj 2048x2816 1-27',
    ],
  );
  const down = shape.linears.filter(({ kind }) => kind === 'down_proj').map(modulesOf);
  assert.deepEqual(down[0], ['model.layers.0.mlp.down_proj']);
  assert.deepEqual([down[1]?.length, down[1]?.[0]], [26, 'model.layers.1.mlp.experts.0.down_proj']);
});

test('what is not known has a reason that names it', () => {
  const sizes = { hidden_size: 64, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 1, vocab_size: 9 };
  const reasons = [
    { model_type: 'mamba' },
    { hidden_size: 1 },
    { model_type: 'llama', hidden_size: -4 },
    { ...sizes, model_type: 'deepseek_v2' },
    'not json',
    [],
    null,
  ].map((config) => modelShapeFromConfig(config));
  const patterns = [/"mamba"/, /model_type/, /"hidden_size"/, /"kv_lora_rank"/, /not a JSON object/, /not a JSON object/, /not a JSON object/];
  for (const [index, result] of reasons.entries()) {
    assert.match(isShape(result) ? '' : result.reason, patterns[index] ?? /never/);
  }
});

test('no value makes it throw', () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom('model_type', 'hidden_size', 'text_config', 'architectures'), fc.jsonValue()),
      (value, config) => {
        modelShapeFromConfig(value);
        modelShapeFromConfig({ model_type: 'llama', ...config });
      },
    ),
  );
});
