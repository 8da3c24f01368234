// Each architecture as a tiny model of random weights, beside the same forward pass written plainly in float64.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createCheckpoint } from '../../checkpoint/sharded-writer.ts';
import { logitsOf } from '../../eval/logits.ts';
import { loadBinding } from '../../jobs/binding.ts';
import { loadModel } from '../load.ts';
import { attentionFactor, inverseFrequency, parseRope } from '../rope.ts';
import { geluTanh, neoxLogits, type ReferenceModel, referenceLogits, silu } from '../testing/reference.ts';

const binding = await loadBinding();
const [hidden, inner, layers, heads, kvHeads, headDim, vocabulary] = [24, 40, 4, 4, 2, 8, 50];
const sizes = {
  hidden_size: hidden,
  intermediate_size: inner,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: kvHeads,
  head_dim: headDim,
  vocab_size: vocabulary,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
  rms_norm_eps: 1e-6,
};
const plain = { hidden, layers, heads, kvHeads, headDim, eps: 1e-6, scale: headDim ** -0.5, theta: () => 10_000 };

interface Case {
  readonly config: Readonly<Record<string, unknown>>;
  readonly reference: ReferenceModel;
  readonly bias?: readonly string[];
  readonly norms?: readonly string[];
}

const gemmaNorms = ['input_layernorm', 'post_attention_layernorm', 'pre_feedforward_layernorm', 'post_feedforward_layernorm'];
const gemmaBase = { ...plain, onePlus: true, activation: geluTanh, embedScale: hidden ** 0.5 };
const cases: Readonly<Record<string, Case>> = {
  LlamaForCausalLM: {
    config: { model_type: 'llama', attention_bias: true, rope_scaling: { rope_type: 'linear', factor: 4 } },
    reference: { ...plain, activation: silu, stretch: () => 4 },
    bias: ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
  },
  MistralForCausalLM: { config: { model_type: 'mistral', sliding_window: 5 }, reference: { ...plain, activation: silu, window: () => 5 } },
  Qwen2ForCausalLM: {
    config: { model_type: 'qwen2', use_sliding_window: true, sliding_window: 7, max_window_layers: 2 },
    reference: { ...plain, activation: silu, window: (layer) => (layer >= 2 ? 7 : null) },
    bias: ['q_proj', 'k_proj', 'v_proj'],
  },
  Qwen3ForCausalLM: {
    config: { model_type: 'qwen3', rope_theta: 1e6 },
    reference: { ...plain, activation: silu, qkNorm: true, theta: () => 1e6 },
  },
  Phi3ForCausalLM: {
    config: {
      model_type: 'phi3',
      partial_rotary_factor: 0.75,
      max_position_embeddings: 96,
      original_max_position_embeddings: 24,
      rope_scaling: { type: 'longrope', short_factor: [1, 1.5, 3], long_factor: [2, 4, 8] },
    },
    reference: {
      ...plain,
      activation: silu,
      fused: true,
      rotated: 6,
      divisors: [1, 1.5, 3],

      rotationScale: Math.sqrt(1 + Math.log(96 / 24) / Math.log(24)),
    },
  },
  GemmaForCausalLM: { config: { model_type: 'gemma', hidden_act: 'gelu' }, reference: gemmaBase },
  Gemma2ForCausalLM: {
    config: {
      model_type: 'gemma2',
      hidden_activation: 'gelu_pytorch_tanh',
      query_pre_attn_scalar: 20,
      attn_logit_softcapping: 2,
      final_logit_softcapping: 3,
      sliding_window: 6,
    },
    reference: { ...gemmaBase, sandwich: true, scale: 20 ** -0.5, attentionCap: 2, finalCap: 3, window: (layer) => (layer % 2 === 0 ? 6 : null) },
    norms: gemmaNorms,
  },
  Gemma3ForCausalLM: {
    config: {
      model_type: 'gemma3_text',
      hidden_activation: 'gelu_pytorch_tanh',
      query_pre_attn_scalar: 16,
      sliding_window: 6,
      sliding_window_pattern: 3,
      rope_theta: 1e6,
      rope_local_base_freq: 1e4,
      rope_scaling: { rope_type: 'linear', factor: 8 },
    },
    reference: {
      ...gemmaBase,
      sandwich: true,
      qkNorm: true,
      scale: 0.25,
      window: (layer) => ((layer + 1) % 3 === 0 ? null : 6),
      theta: (layer) => ((layer + 1) % 3 === 0 ? 1e6 : 1e4),
      stretch: (layer) => ((layer + 1) % 3 === 0 ? 8 : 1),
    },
    norms: gemmaNorms,
  },
};

for (const [name, { config, reference, bias = [], norms = ['input_layernorm', 'post_attention_layernorm'] }] of Object.entries(cases)) {
  test(`${name} gives the logits of its formulas`, async (t) => {
    const tensors = randomTensors(reference, bias, norms);
    const directory = await modelDirectory(t, { ...sizes, ...config, architectures: [name] }, tensors);
    const model = await loadModel(directory, { binding });
    const ids = Int32Array.from({ length: 20 }, (_, index) => (index * 17 + 3) % vocabulary);
    const got = await logitsOf(model, ids);
    const wanted = referenceLogits(reference, new Map([...tensors].map(([tensor, { values }]) => [tensor, values])), ids);
    agrees(t, name, got, wanted);
  });
}

for (const parallel of [true, false]) {
  test(`GPTNeoXForCausalLM gives the logits of its formulas, ${parallel ? 'parallel' : 'one part after the other'}`, async (t) => {
    const shapes: [string, readonly number[]][] = [
      ['gpt_neox.embed_in.weight', [vocabulary, hidden]],
      ['embed_out.weight', [vocabulary, hidden]],
      ...['weight', 'bias'].map((kind): [string, readonly number[]] => [`gpt_neox.final_layer_norm.${kind}`, [hidden]]),
    ];
    for (let layer = 0; layer < 2; layer += 1) {
      const prefix = `gpt_neox.layers.${layer}`;
      for (const norm of ['input_layernorm', 'post_attention_layernorm'])
        for (const kind of ['weight', 'bias']) shapes.push([`${prefix}.${norm}.${kind}`, [hidden]]);
      for (const [name, rows, cols] of [
        ['attention.query_key_value', 3 * hidden, hidden],
        ['attention.dense', hidden, hidden],
        ['mlp.dense_h_to_4h', inner, hidden],
        ['mlp.dense_4h_to_h', hidden, inner],
      ] as const)
        shapes.push([`${prefix}.${name}.weight`, [rows, cols]], [`${prefix}.${name}.bias`, [rows]]);
    }
    const tensors = seeded(new Map(shapes), 1);
    const config = {
      model_type: 'gpt_neox',
      hidden_size: hidden,
      intermediate_size: inner,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      vocab_size: vocabulary,
      max_position_embeddings: 64,
      rotary_pct: 0.34,
      use_parallel_residual: parallel,
      hidden_act: 'gelu',
    };
    const model = await loadModel(await modelDirectory(t, { ...config, architectures: ['GPTNeoXForCausalLM'] }, tensors), { binding });
    const values = new Map([...tensors].map(([tensor, { values: of }]) => [tensor, of]));
    const ids = Int32Array.from({ length: 20 }, (_, index) => (index * 17 + 3) % vocabulary);
    // 0.34 of 12 elements, rounded down: 4 are rotated.
    agrees(t, 'GPTNeoXForCausalLM', await logitsOf(model, ids), neoxLogits({ hidden, layers: 2, heads: 2, rotated: 4 }, parallel, values, ids));
  });
}

test('a gelu that is not the approximation, and windows without a meaning, are refused by their key', async (t) => {
  const directory = await modelDirectory(t, { ...sizes, model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_act: 'gelu' }, new Map());
  await assert.rejects(loadModel(directory, { binding }), /hidden_act "gelu" cannot run here; silu and gelu_pytorch_tanh can/);
  const windowless = { ...sizes, model_type: 'gemma2', architectures: ['Gemma2ForCausalLM'], sliding_window: 'wide' };
  await assert.rejects(loadModel(await modelDirectory(t, windowless, new Map()), { binding }), /sliding_window is "wide"/);
  const listless = { ...sizes, model_type: 'gemma2', architectures: ['Gemma2ForCausalLM'], layer_types: ['full_attention'] };
  await assert.rejects(loadModel(await modelDirectory(t, listless, new Map()), { binding }), /layer_types must list the kind of each of the 4 layers/);
});

function agrees(t: TestContext, name: string, got: Float32Array, wanted: Float64Array): void {
  let worst = 0;
  let largest = 0;
  for (const [index, value] of wanted.entries()) {
    worst = Math.max(worst, Math.abs((got[index] ?? Number.NaN) - value));
    largest = Math.max(largest, Math.abs(value));
  }
  t.diagnostic(`${name}: largest difference ${worst.toExponential(1)} of ${largest.toFixed(2)}`);
  assert.ok(worst < 2e-5 * largest, `${worst} of ${largest}`);
}

interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Seeded by the name, so that a tensor is the same wherever it is made. */
function randomTensors(model: ReferenceModel, bias: readonly string[], norms: readonly string[]): ReadonlyMap<string, Tensor> {
  const shapes = new Map<string, readonly number[]>([
    ['model.embed_tokens.weight', [vocabulary, hidden]],
    ['model.norm.weight', [hidden]],
  ]);
  const linears = {
    q_proj: [heads * headDim, hidden],
    k_proj: [kvHeads * headDim, hidden],
    v_proj: [kvHeads * headDim, hidden],
    o_proj: [hidden, heads * headDim],
  };
  for (let layer = 0; layer < layers; layer += 1) {
    const prefix = `model.layers.${layer}`;
    for (const norm of norms) shapes.set(`${prefix}.${norm}.weight`, [hidden]);
    for (const [linear, shape] of Object.entries(linears)) shapes.set(`${prefix}.self_attn.${linear}.weight`, shape);
    for (const linear of bias) shapes.set(`${prefix}.self_attn.${linear}.bias`, [linears[linear as keyof typeof linears][0] ?? 0]);
    if (model.qkNorm === true) for (const norm of ['q_norm', 'k_norm']) shapes.set(`${prefix}.self_attn.${norm}.weight`, [headDim]);
    if (model.fused === true) {
      shapes.set(`${prefix}.self_attn.qkv_proj.weight`, [(heads + 2 * kvHeads) * headDim, hidden]);
      shapes.set(`${prefix}.mlp.gate_up_proj.weight`, [2 * inner, hidden]);
    }
    for (const linear of ['gate_proj', 'up_proj']) shapes.set(`${prefix}.mlp.${linear}.weight`, [inner, hidden]);
    shapes.set(`${prefix}.mlp.down_proj.weight`, [hidden, inner]);
  }
  return seeded(shapes, model.onePlus === true ? 0 : 1);
}

/** `norm`: what norm weights lie around. */
function seeded(shapes: ReadonlyMap<string, readonly number[]>, norm: number): ReadonlyMap<string, Tensor> {
  return new Map(
    [...shapes].map(([name, shape]) => {
      const count = shape.reduce((product, size) => product * size, 1);
      let state = [...name].reduce((hash, character) => Math.imul(hash, 31) + character.charCodeAt(0), 7) >>> 0;
      const next = (): number => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state / 2 ** 31 - 1;
      };
      const middle = name.includes('norm') && name.endsWith('weight') ? norm : 0;
      const spread = name.includes('norm') || name.endsWith('bias') ? 0.4 : name.includes('embed') ? 1 : 2.4 / Math.sqrt(shape[1] ?? 1);
      return [name, { shape, values: Float32Array.from({ length: count }, () => middle + spread * next()) }];
    }),
  );
}

async function modelDirectory(t: TestContext, config: object, tensors: ReadonlyMap<string, Tensor>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-architecture-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  if (tensors.size === 0) return directory;
  const writer = await createCheckpoint(
    directory,
    [...tensors].map(([name, { shape }]) => ({ name, dtype: 'F32' as const, shape })),
    {},
  );
  for (const [name, { values }] of tensors) await writer.write(name, values);
  await writer.finish();
  return directory;
}

test('yarn keeps fast frequencies, divides slow ones and blends those between', () => {
  // Llama-2-7B-128k by yarn: theta 10000, heads of 128, 4096 positions stretched 32 times. Corrections by hand: pairs 20 and 46.
  const rope = parseRope(
    { rope_theta: 10_000, rope_scaling: { rope_type: 'yarn', factor: 32, original_max_position_embeddings: 4096 } },
    131_072,
    'config.json',
  );
  const scaled = inverseFrequency(rope, 128);
  const plainly = inverseFrequency({ theta: 10_000, scaling: { type: 'default' } }, 128);
  const ratio = (pair: number): number => (plainly[pair] ?? 0) / (scaled[pair] ?? 1);
  assert.ok(Math.abs(ratio(0) - 1) < 1e-6 && Math.abs(ratio(20) - 1) < 1e-6);
  assert.ok(Math.abs(ratio(46) - 32) < 1e-4 && Math.abs(ratio(63) - 32) < 1e-4);
  // Halfway of 20..46 is pair 33: 1 / (0.5 / 32 + 0.5).
  assert.ok(Math.abs(ratio(33) - 1 / (0.5 / 32 + 0.5)) < 1e-5);
  assert.ok(Math.abs(attentionFactor(rope) - (0.1 * Math.log(32) + 1)) < 1e-6);
});
