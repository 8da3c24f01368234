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

/** Linears of the first block as `name out x in`, after the published tensors of each model. */
const ARCHITECTURES: readonly (readonly [string, Readonly<Record<string, unknown>>, readonly string[]])[] = [
  [
    'Phi-3-mini',
    {
      model_type: 'phi3',
      hidden_size: 3072,
      intermediate_size: 8192,
      num_hidden_layers: 2,
      num_attention_heads: 32,
      num_key_value_heads: 32,
      vocab_size: 32064,
    },
    ['self_attn.qkv_proj 9216x3072', 'self_attn.o_proj 3072x3072', 'mlp.gate_up_proj 16384x3072', 'mlp.down_proj 3072x8192'],
  ],
  [
    'GLM-4-9B',
    {
      model_type: 'glm4',
      hidden_size: 4096,
      intermediate_size: 13696,
      num_hidden_layers: 2,
      num_attention_heads: 32,
      num_key_value_heads: 2,
      head_dim: 128,
      vocab_size: 151552,
    },
    [
      'self_attn.q_proj 4096x4096',
      'self_attn.k_proj 256x4096',
      'self_attn.v_proj 256x4096',
      'self_attn.o_proj 4096x4096',
      'mlp.gate_up_proj 27392x4096',
      'mlp.down_proj 4096x13696',
    ],
  ],
  [
    'Gemma 3 4B, whose file leaves sizes out',
    { model_type: 'gemma3', text_config: { model_type: 'gemma3_text', hidden_size: 2560, intermediate_size: 10240, num_hidden_layers: 2 } },
    [
      'self_attn.q_proj 2048x2560',
      'self_attn.k_proj 1024x2560',
      'self_attn.v_proj 1024x2560',
      'self_attn.o_proj 2560x2048',
      'mlp.gate_proj 10240x2560',
      'mlp.up_proj 10240x2560',
      'mlp.down_proj 2560x10240',
    ],
  ],
  [
    'OPT-125M',
    { model_type: 'opt', hidden_size: 768, ffn_dim: 3072, num_hidden_layers: 2, num_attention_heads: 12, vocab_size: 50272 },
    ['self_attn.q_proj 768x768', 'self_attn.k_proj 768x768', 'self_attn.v_proj 768x768', 'self_attn.out_proj 768x768', 'fc1 3072x768', 'fc2 768x3072'],
  ],
  [
    'GPT-2',
    { model_type: 'gpt2', n_embd: 768, n_layer: 2, n_head: 12, n_inner: null, vocab_size: 50257 },
    ['attn.c_attn 2304x768', 'attn.c_proj 768x768', 'mlp.c_fc 3072x768', 'mlp.c_proj 768x3072'],
  ],
  [
    'Pythia-70M',
    { model_type: 'gpt_neox', hidden_size: 512, intermediate_size: 2048, num_hidden_layers: 2, num_attention_heads: 8, vocab_size: 50304 },
    ['attention.query_key_value 1536x512', 'attention.dense 512x512', 'mlp.dense_h_to_4h 2048x512', 'mlp.dense_4h_to_h 512x2048'],
  ],
  [
    'BLOOM-560M',
    { model_type: 'bloom', hidden_size: 1024, n_layer: 2, n_head: 16, vocab_size: 250880 },
    ['self_attention.query_key_value 3072x1024', 'self_attention.dense 1024x1024', 'mlp.dense_h_to_4h 4096x1024', 'mlp.dense_4h_to_h 1024x4096'],
  ],
  [
    'Falcon-7B: one head of keys and values',
    {
      model_type: 'falcon',
      hidden_size: 4544,
      num_hidden_layers: 2,
      num_attention_heads: 71,
      multi_query: true,
      new_decoder_architecture: false,
      vocab_size: 65024,
    },
    ['self_attention.query_key_value 4672x4544', 'self_attention.dense 4544x4544', 'mlp.dense_h_to_4h 18176x4544', 'mlp.dense_4h_to_h 4544x18176'],
  ],
  [
    'Falcon-40B: eight',
    {
      model_type: 'falcon',
      hidden_size: 8192,
      num_hidden_layers: 2,
      num_attention_heads: 128,
      num_kv_heads: 8,
      new_decoder_architecture: true,
      vocab_size: 65024,
    },
    ['self_attention.query_key_value 9216x8192', 'self_attention.dense 8192x8192', 'mlp.dense_h_to_4h 32768x8192', 'mlp.dense_4h_to_h 8192x32768'],
  ],
  [
    'ChatGLM3-6B',
    {
      model_type: 'chatglm',
      hidden_size: 4096,
      ffn_hidden_size: 13696,
      num_layers: 2,
      num_attention_heads: 32,
      kv_channels: 128,
      multi_query_attention: true,
      multi_query_group_num: 2,
      padded_vocab_size: 65024,
    },
    ['self_attention.query_key_value 4608x4096', 'self_attention.dense 4096x4096', 'mlp.dense_h_to_4h 27392x4096', 'mlp.dense_4h_to_h 4096x13696'],
  ],
  [
    'InternLM2-7B',
    {
      model_type: 'internlm2',
      hidden_size: 4096,
      intermediate_size: 14336,
      num_hidden_layers: 2,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      vocab_size: 92544,
    },
    ['attention.wqkv 6144x4096', 'attention.wo 4096x4096', 'feed_forward.w1 14336x4096', 'feed_forward.w3 14336x4096', 'feed_forward.w2 4096x14336'],
  ],
  [
    'Qwen-7B: intermediate_size is gate and up together',
    { model_type: 'qwen', hidden_size: 4096, intermediate_size: 22016, num_hidden_layers: 2, num_attention_heads: 32, kv_channels: 128, vocab_size: 151936 },
    ['attn.c_attn 12288x4096', 'attn.c_proj 4096x4096', 'mlp.w1 11008x4096', 'mlp.w2 11008x4096', 'mlp.c_proj 4096x11008'],
  ],
  [
    'Baichuan2-7B',
    { model_type: 'baichuan', hidden_size: 4096, intermediate_size: 11008, num_hidden_layers: 2, num_attention_heads: 32, vocab_size: 125696 },
    ['self_attn.W_pack 12288x4096', 'self_attn.o_proj 4096x4096', 'mlp.gate_proj 11008x4096', 'mlp.up_proj 11008x4096', 'mlp.down_proj 4096x11008'],
  ],
];

for (const [name, config, linears] of ARCHITECTURES) {
  test(`${name}: names and sizes`, () => {
    const shape = modelShapeFromConfig(config);
    assert.ok(isShape(shape), JSON.stringify(shape));
    const block = shape.linears.filter(({ endLayer }) => endLayer > 0);
    assert.deepEqual(
      block.map(({ module, out, in: input }) => `${module.replace(/^.*\{i\}\./, '')} ${out}x${input}`),
      linears,
    );
    const split = block.filter(({ kind }) => kind === 'o_proj' || kind === 'down_proj');
    assert.deepEqual([split.length, split.every(({ parallel }) => parallel === 'row')], [2, true]);
  });
}

test('dense blocks among mixtures: leading, listed, and every n-th', () => {
  const base = {
    hidden_size: 256,
    intermediate_size: 512,
    moe_intermediate_size: 128,
    num_hidden_layers: 6,
    num_attention_heads: 4,
    vocab_size: 100,
  };
  const dense = (config: Readonly<Record<string, unknown>>): string => {
    const shape = modelShapeFromConfig({ ...base, ...config });
    assert.ok(isShape(shape));
    const downs = shape.linears.filter(({ kind, module }) => kind === 'down_proj' && !module.includes('shared'));
    return downs.map(({ module, firstLayer, endLayer }) => `${module.includes('{e}') ? 'experts' : 'dense'} ${firstLayer}-${endLayer}`).join(', ');
  };
  const qwen = { model_type: 'qwen3_moe', num_experts: 8 };
  assert.equal(dense(qwen), 'experts 0-6');
  assert.equal(dense({ ...qwen, mlp_only_layers: [0, 3] }), 'dense 0-1, experts 1-3, dense 3-4, experts 4-6');
  assert.equal(dense({ ...qwen, decoder_sparse_step: 2 }), 'dense 0-1, experts 1-2, dense 2-3, experts 3-4, dense 4-5, experts 5-6');
  assert.equal(dense({ model_type: 'glm4_moe', n_routed_experts: 8, n_shared_experts: 1, first_k_dense_replace: 2 }), 'dense 0-2, experts 2-6');
});

test('what is not known has a reason that names it', () => {
  const sizes = { hidden_size: 64, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 1, vocab_size: 9 };
  const reasons = [
    { model_type: 'mamba' },
    { hidden_size: 1 },
    { model_type: 'llama', hidden_size: -4 },
    { ...sizes, model_type: 'qwen3_moe', num_experts: 4, num_hidden_layers: 2 ** 52 },
    { model_type: 'gpt2', n_embd: 8, n_head: 1, n_layer: 2 ** 40, vocab_size: 9 },
    { model_type: 'opt', hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 1, vocab_size: 9 },
    { ...sizes, model_type: 'deepseek_v2' },
    'not json',
    [],
    null,
  ].map((config) => modelShapeFromConfig(config));
  const patterns = [
    /"mamba"/,
    /model_type/,
    /"hidden_size"/,
    /"num_hidden_layers"/,
    /"n_layer"/,
    /the size of the MLP/,
    /"kv_lora_rank"/,
    /not a JSON object/,
    /not a JSON object/,
    /not a JSON object/,
  ];
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
