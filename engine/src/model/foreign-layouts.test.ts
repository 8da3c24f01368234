// Whole models in other tools' layouts, run as they are: logits beside the same forward pass written plainly in float64 over the weights that the test's
// own quantizers say the files mean.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bnbLinear } from '../checkpoint/quantized/testing/bnb.ts';
import { type Fp8, fp8Value, nearestFp8 } from '../checkpoint/quantized/testing/fp8.ts';
import { hqqLinear } from '../checkpoint/quantized/testing/hqq.ts';
import type { TestTensor } from '../checkpoint/quantized/testing/stored-tensors.ts';
import { createCheckpoint } from '../checkpoint/sharded-writer.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from './load.ts';
import { referenceLogits, silu } from './testing/reference.ts';

const binding = await loadBinding();
const [hidden, inner, layers, heads, kvHeads, headDim, vocabulary] = [64, 96, 2, 4, 2, 16, 50];
const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
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
const reference = { hidden, layers, heads, kvHeads, headDim, eps: 1e-6, scale: headDim ** -0.5, theta: () => 10_000, activation: silu };

interface StoredMatrix {
  readonly tensors: readonly TestTensor[];
  readonly weights: Float32Array;
}
interface Layout {
  readonly quantization: object;
  /** Error of many rows at once, of the largest logit: the kernels of affine codes round x to 16 bits there. */
  readonly tolerance: number;
  readonly store: (module: string, values: Float32Array, rows: number, cols: number) => StoredMatrix;
}

const layouts: Readonly<Record<string, Layout>> = {
  'bitsandbytes nf4, nested': {
    quantization: { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'nf4', bnb_4bit_use_double_quant: true },
    tolerance: 1e-5,
    store: (module, values, rows, cols) => bnbLinear(module, values, rows, cols, { type: 'nf4', blocksize: 64, nested: 256 }),
  },
  'bitsandbytes fp4': {
    quantization: { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'fp4' },
    tolerance: 1e-5,
    store: (module, values, rows, cols) => bnbLinear(module, values, rows, cols, { type: 'fp4', blocksize: 128, nested: null }),
  },
  'fp8 in blocks': {
    quantization: { quant_method: 'fp8', activation_scheme: 'dynamic', weight_block_size: [32, 32] },
    tolerance: 1e-5,
    store: (module, values, rows, cols) => fp8Linear(module, values, rows, cols, 'F8_E4M3', [32, 32], 'weight_scale_inv'),
  },
  fbgemm_fp8: {
    quantization: { quant_method: 'fbgemm_fp8', activation_scale_ub: 1200 },
    tolerance: 1e-5,
    store: (module, values, rows, cols) => fp8Linear(module, values, rows, cols, 'F8_E4M3', [1, cols], 'weight_scale'),
  },
  'HQQ, 4 bits': {
    quantization: { quant_method: 'hqq', quant_config: { weight_quant_params: { nbits: 4, group_size: 32, axis: 1 } }, skip_modules: ['lm_head'] },
    tolerance: 2e-4,
    store: (module, values, rows, cols) => hqqLinear(module, values, rows, cols, { nbits: 4, groupSize: 32 }),
  },
  'HQQ, 3 bits, viewed as floats': {
    quantization: { quant_method: 'hqq', quant_config: { weight_quant_params: { nbits: 3, group_size: 32, axis: 1 } }, skip_modules: ['lm_head'] },
    tolerance: 2e-4,
    store: (module, values, rows, cols) => hqqLinear(module, values, rows, cols, { nbits: 3, groupSize: 32, view: 'F16' }),
  },
  'compressed-tensors float-quantized': {
    quantization: {
      quant_method: 'compressed-tensors',
      format: 'float-quantized',
      config_groups: { group_0: { targets: ['Linear'], weights: { num_bits: 8, type: 'float', strategy: 'tensor', symmetric: true } } },
    },
    tolerance: 1e-5,
    store: (module, values, rows, cols) => fp8Linear(module, values, rows, cols, 'F8_E5M2', [rows, cols], 'weight_scale'),
  },
};

for (const [name, { quantization, tolerance, store }] of Object.entries(layouts)) {
  test(`a model of ${name} gives the logits of its weights`, async (t) => {
    const [tensors, meant] = storedModel(store);
    const directory = await modelDirectory(t, { ...config, quantization_config: quantization }, tensors);
    const model = await loadModel(directory, { binding });
    const ids = Int32Array.from({ length: 20 }, (_, index) => (index * 17 + 3) % vocabulary);
    const got = await logitsOf(model, ids);
    const wanted = referenceLogits(reference, meant, ids);
    const size = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = wanted.reduce((most, value, index) => Math.max(most, Math.abs(value - (got[index] ?? Number.NaN))), 0);
    t.diagnostic(`worst error ${worst.toExponential(2)} of logits up to ${size.toFixed(2)}`);
    assert.ok(worst <= tolerance * size, `${worst} of ${size}`);
    // Token by token, through the streaming kernels.
    const session = model.createSession();
    let last: Float32Array = new Float32Array();
    for (const id of ids) last = await model.program.run(session, Int32Array.of(id), 'last');
    const off = last.reduce((most, value, index) => Math.max(most, Math.abs(value - (wanted[(ids.length - 1) * vocabulary + index] ?? 0))), 0);
    assert.ok(off <= 1e-5 * size, `${off} of ${size}`);
  });
}

/** Tensors of the file, and what they mean by name. Linears are stored in the layout, the rest in F32. */
function storedModel(store: Layout['store']): [TestTensor[], Map<string, Float32Array>] {
  const tensors: TestTensor[] = [];
  const meant = new Map<string, Float32Array>();
  let state = 11;
  const random = (length: number, size: number): Float32Array =>
    Float32Array.from({ length }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state / 2 ** 31 - 1) * size;
    });
  const dense = (name: string, shape: readonly number[], data: Float32Array): void => {
    tensors.push({ name, dtype: 'F32', shape, data });
    meant.set(name, data);
  };
  const linear = (module: string, rows: number, cols: number): void => {
    const stored = store(module, random(rows * cols, 0.3), rows, cols);
    tensors.push(...stored.tensors);
    meant.set(`${module}.weight`, stored.weights);
  };
  dense('model.embed_tokens.weight', [vocabulary, hidden], random(vocabulary * hidden, 1));
  dense('model.norm.weight', [hidden], random(hidden, 1));
  for (let layer = 0; layer < layers; layer += 1) {
    const block = `model.layers.${layer}`;
    dense(`${block}.input_layernorm.weight`, [hidden], random(hidden, 1));
    dense(`${block}.post_attention_layernorm.weight`, [hidden], random(hidden, 1));
    linear(`${block}.self_attn.q_proj`, heads * headDim, hidden);
    linear(`${block}.self_attn.k_proj`, kvHeads * headDim, hidden);
    linear(`${block}.self_attn.v_proj`, kvHeads * headDim, hidden);
    linear(`${block}.self_attn.o_proj`, hidden, heads * headDim);
    linear(`${block}.mlp.gate_proj`, inner, hidden);
    linear(`${block}.mlp.up_proj`, inner, hidden);
    linear(`${block}.mlp.down_proj`, hidden, inner);
  }
  return [tensors, meant];
}

/** The largest weight of a tile becomes the largest finite value of the type. */
function fp8Linear(module: string, values: Float32Array, rows: number, cols: number, type: Fp8, tile: readonly [number, number], name: string): StoredMatrix {
  const [down, across] = [Math.ceil(rows / tile[0]), Math.ceil(cols / tile[1])];
  const at = (index: number): number => Math.floor(Math.floor(index / cols) / tile[0]) * across + Math.floor((index % cols) / tile[1]);
  const scales = new Float32Array(down * across);
  for (const [index, value] of values.entries()) scales[at(index)] = Math.max(scales[at(index)] ?? 0, Math.abs(value) / (type === 'F8_E4M3' ? 448 : 57344));
  const bytes = Uint8Array.from(values, (value, index) => nearestFp8(type, value / (scales[at(index)] ?? 1)));
  return {
    tensors: [
      { name: `${module}.weight`, dtype: type, shape: [rows, cols], data: bytes },
      { name: `${module}.${name}`, dtype: 'F32', shape: down * across === 1 ? [1] : [down, across], data: scales },
    ],
    weights: Float32Array.from(bytes, (byte, index) => fp8Value(type, byte) * (scales[at(index)] ?? 0)),
  };
}

async function modelDirectory(t: TestContext, json: object, tensors: readonly TestTensor[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-foreign-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'config.json'), JSON.stringify(json));
  const writer = await createCheckpoint(directory, tensors);
  for (const { name, data } of tensors) await writer.write(name, data);
  await writer.finish();
  return directory;
}
