// The estimate against what is known of real files.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelShape } from '../checkpoint/model-shape.ts';
import { isShape, modelShapeFromConfig } from '../checkpoint/shape-from-config.ts';
import { recipeOf } from '../testing/judging.ts';
import { estimateMemory } from './memory.ts';

const load = { contextLength: 8192, batch: 1 };

function shape(config: Readonly<Record<string, unknown>>): ModelShape {
  const result = modelShapeFromConfig(config);
  assert.ok(isShape(result));
  return result;
}

/** Llama 3 8B. */
const llama = shape({
  model_type: 'llama',
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  vocab_size: 128256,
  torch_dtype: 'bfloat16',
  max_position_embeddings: 8192,
});

test('bits per weight of the usual settings', () => {
  const gptq = (group_size: number): number | null =>
    estimateMemory(recipeOf('hf-gptq', { quant_method: 'gptq', bits: 4, group_size, sym: true }), llama, load).bitsPerWeight;
  // 4-bit codes, a 16-bit scale and the 4-bit zero point that GPTQ stores for symmetric codes too.
  assert.equal(gptq(128), 4 + 20 / 128);
  assert.equal(gptq(32), 4.625);
  const own = recipeOf('quantwright', { quant_method: 'rtn', weight_format: 'int4', group_size: 128, save_format: 'compressed-tensors' });
  assert.equal(estimateMemory(own, llama, load).bitsPerWeight, 4.125);
});

test('bitsandbytes has 32-bit maxima, of blocks of 64 or of rows; double quantization makes them 8-bit', () => {
  const bits = (config: Readonly<Record<string, unknown>>): number | null =>
    estimateMemory(recipeOf('hf-bitsandbytes', { quant_method: 'bitsandbytes', ...config }), llama, load).bitsPerWeight;
  assert.equal(bits({ load_in_4bit: true, bnb_4bit_quant_type: 'nf4' }), 4 + 32 / 64);
  assert.equal(bits({ load_in_4bit: true, bnb_4bit_quant_type: 'fp4', bnb_4bit_use_double_quant: false }), 4 + 32 / 64);
  assert.equal(bits({ load_in_4bit: true, bnb_4bit_quant_type: 'nf4', bnb_4bit_use_double_quant: true }), 4 + 8 / 64 + 32 / (64 * 256));
  const eight = bits({ load_in_8bit: true }) ?? 0;
  assert.ok(eight > 8 + 32 / 14336 && eight < 8 + 32 / 4096, `${eight}`);
});

test('Llama 3 8B in 4 bits weighs 5.7 GB, and its cache 1 GiB at 8k', () => {
  const { weightBytes, scaleBytes, kvBytes } = estimateMemory(recipeOf('hf-gptq', { quant_method: 'gptq', bits: 4, group_size: 128 }), llama, load);
  const gigabytes = (weightBytes + scaleBytes) / 1e9;
  assert.ok(gigabytes > 5.6 && gigabytes < 5.8, `${gigabytes}`);
  assert.equal(kvBytes, 2 ** 30);
});

test('ignored layers count in floating point, every expert counts, and longer contexts cost more', () => {
  const recipe = (ignore: readonly string[]) => recipeOf('quantwright', { quant_method: 'rtn', weight_format: 'int4', group_size: 128, ignore });
  assert.ok(estimateMemory(recipe(['.*down_proj']), llama, load).weightBytes > estimateMemory(recipe([]), llama, load).weightBytes + 2e9);
  const nothing = estimateMemory(recipe(['.*']), llama, load);
  assert.deepEqual([nothing.bitsPerWeight, nothing.scaleBytes], [null, 0]);
  const mixture = shape({
    model_type: 'mixtral',
    hidden_size: 4096,
    intermediate_size: 14336,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    vocab_size: 32000,
    num_local_experts: 8,
  });
  assert.ok(estimateMemory(recipe([]), mixture, load).weightBytes > 20e9);
  assert.equal(estimateMemory(recipe([]), llama, { contextLength: 16384, batch: 2 }).kvBytes, 4 * 2 ** 30);
});

test('a Hessian is counted for methods that keep one', () => {
  const peak = (quant_method: string): number =>
    estimateMemory(recipeOf('quantwright', { quant_method, weight_format: 'uint4', group_size: 128 }), llama, load).quantizePeakBytes;
  assert.ok(peak('gptq') > peak('rtn') + 2 * 14336 * 14336 * 4);
});
