import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRuntime } from '@quantwright/schemas/hardware/runtimes/index';
import { EngineError } from '../errors.ts';
import { architectures } from './architectures/registry.ts';
import { parseModelConfig } from './config.ts';
import { inverseFrequency } from './rope.ts';

const llama = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 160,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 256,
  max_position_embeddings: 128,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
  rope_theta: 10_000,
};
const refused =
  (words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof EngineError && error.kind === 'checkpoint' && error.file === 'config.json' && words.test(error.message);

test('both spellings of rope_theta are read', () => {
  assert.equal(parseModelConfig({ ...llama, rope_theta: 5e5 }, 'config.json').ropes[0]?.theta, 5e5);
  const { rope_theta: _, ...without } = llama;
  assert.equal(parseModelConfig({ ...without, rope_parameters: { rope_theta: 5e5, rope_type: 'default' } }, 'config.json').ropes[0]?.theta, 5e5);
});

test('an unknown architecture is named with the list of those that run', () => {
  assert.throws(
    () => parseModelConfig({ ...llama, architectures: ['MambaForCausalLM'] }, 'config.json'),
    refused(/MambaForCausalLM.*LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, Phi3ForCausalLM, GemmaForCausalLM/),
  );
});

test('what cannot run is refused by name', () => {
  for (const [change, words] of [
    [{ rope_scaling: { rope_type: 'spiral', factor: 4 } }, /"spiral".*llama3/],
    [{ rope_scaling: { rope_type: 'longrope', short_factor: [1, 'x'] } }, /short_factor/],
    [{ rope_scaling: { rope_type: 'yarn', factor: -1 } }, /factor/],
    [{ hidden_act: 'gelu' }, /"gelu"/],
    [{ num_key_value_heads: 3 }, /4 attention heads cannot share 3/],
    [{ head_dim: 15 }, /head dimension is 15/],
    [{ vocab_size: 1e9 }, /vocabSize is 1000000000.*limit/],
    [{ num_hidden_layers: 1e6 }, /num_hidden_layers/],
    [{ hidden_size: 'big' }, /hidden_size/],
    [{ rms_norm_eps: -1 }, /rms_norm_eps/],
    [{ rope_theta: 0 }, /rope_theta/],
    [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor/],
  ] as const) {
    assert.throws(() => parseModelConfig({ ...llama, ...change }, 'config.json'), refused(words), JSON.stringify(change));
  }
});

test('bias flags and windows follow the architecture', () => {
  const biased = parseModelConfig({ ...llama, attention_bias: true, mlp_bias: true }, 'config.json');
  assert.deepEqual([biased.qkvBias, biased.outputBias, biased.mlpBias], [true, true, true]);
  const qwen = parseModelConfig(
    { ...llama, architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2', use_sliding_window: true, sliding_window: 16, max_window_layers: 1 },
    'config.json',
  );
  assert.deepEqual([qwen.qkvBias, qwen.outputBias, qwen.windows], [true, false, [null, 16]]);
  assert.deepEqual(
    parseModelConfig({ ...llama, architectures: ['MistralForCausalLM'], model_type: 'mistral', sliding_window: 16 }, 'config.json').windows,
    [16, 16],
  );
});

test('plain frequencies fall from 1 by equal ratios, linear scaling divides them', () => {
  const plain = inverseFrequency({ theta: 10_000, scaling: { type: 'default' } }, 8);
  assert.deepEqual(
    [...plain].map((value) => Number(value.toFixed(6))),
    [1, 0.1, 0.01, 0.001],
  );
  const linear = inverseFrequency({ theta: 10_000, scaling: { type: 'linear', factor: 4 } }, 8);
  assert.deepEqual(
    [...linear],
    [...plain].map((value) => Math.fround(value / 4)),
  );
});

test('llama3 scaling keeps short waves, divides long ones and blends between', () => {
  const scaling = { type: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalPositions: 64 } as const;
  const plain = inverseFrequency({ theta: 500_000, scaling: { type: 'default' } }, 16);
  const scaled = inverseFrequency({ theta: 500_000, scaling }, 16);
  const waves = [...plain].map((value) => (2 * Math.PI) / value);
  for (const [index, wave] of waves.entries()) {
    const ratio = (scaled[index] ?? 0) / (plain[index] ?? 1);
    if (wave < 16) assert.equal(ratio, 1);
    else if (wave > 64) assert.ok(Math.abs(ratio - 1 / 8) < 1e-6);
    else assert.ok(ratio > 1 / 8 && ratio < 1);
  }
  assert.ok(
    waves.some((wave) => wave >= 16 && wave <= 64),
    'no frequency lies in the blended band',
  );
});

test('the judge knows the models that run', () => {
  assert.deepEqual(
    findRuntime('quantwright')?.modelTypes,
    architectures.map(({ modelType }) => modelType),
  );
});
