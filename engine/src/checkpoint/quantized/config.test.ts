import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../errors.ts';
import { groupOf, parseCompressedGroups } from './compressed-config.ts';
import { parseQuantization } from './config.ts';

const file = 'config.json';

test('a gptq config without checkpoint_format is v1, as all published ones were', () => {
  assert.deepEqual(parseQuantization({ quant_method: 'gptq', bits: 4, group_size: 128 }, file), { layout: 'gptq', version: 1, bits: 4, groupSize: 128 });
});

test('a method that cannot be loaded is refused with those that can', () => {
  assert.throws(
    () => parseQuantization({ quant_method: 'aqlm', bits: 4 }, file),
    (error) =>
      error instanceof EngineError &&
      error.kind === 'checkpoint' &&
      /"aqlm".*gptq, awq, bitsandbytes, fp8, fbgemm_fp8, hqq, compressed-tensors and quantwright/.test(error.message),
  );
});

test('AWQ is read from the keys of either tool, and other versions are refused', () => {
  const awq = { layout: 'awq', groupSize: 64 };
  assert.deepEqual(parseQuantization({ quant_method: 'awq', bits: 4, group_size: 64, version: 'GEMM' }, file), awq);
  assert.deepEqual(parseQuantization({ quant_method: 'awq', w_bit: 4, q_group_size: 64 }, file), awq);
  assert.throws(() => parseQuantization({ quant_method: 'awq', bits: 4, version: 'gemv' }, file), /AWQ version "gemv" with 4 bits cannot be loaded/);
});

test('quantwright modules take what they do not say from the defaults', () => {
  const stored = parseQuantization(
    {
      quant_method: 'quantwright',
      version: 1,
      methods: ['instant_quant'],
      bits: 4,
      group_size: 64,
      signed: false,
      compute_method: 'weight_only',
      modules: { 'model.layers.0.mlp.down_proj': { bits: 8, signed: true } },
    },
    file,
  );
  assert.ok(stored.layout === 'quantwright');
  assert.deepEqual(stored.of('model.layers.0.mlp.down_proj'), { bits: 8, groupSize: 64, signed: true, activations: null });
  assert.deepEqual(stored.of('model.layers.0.mlp.up_proj'), { bits: 4, groupSize: 64, signed: false, activations: null });
});

test('compressed-tensors groups match a module by name and pattern before the class Linear', () => {
  const groups = parseCompressedGroups(
    {
      config_groups: {
        all: { targets: ['Linear'], weights: { num_bits: 8 } },
        down: { targets: ['re:.*down_proj'], weights: { num_bits: 4, group_size: 32 } },
      },
    },
    file,
  );
  assert.equal(groupOf(groups, 'model.layers.1.mlp.down_proj')?.bits, 4);
  assert.equal(groupOf(groups, 'model.layers.1.mlp.up_proj')?.bits, 8);
});

test('a pattern that backtracks forever is stopped and named', () => {
  const groups = parseCompressedGroups({ config_groups: { g: { targets: ['re:(.+)+X$'], weights: { num_bits: 8 } } } }, file);
  assert.throws(() => groupOf(groups, `model.layers.${'0'.repeat(60)}`), /takes longer than 200 ms/);
});

test('activations of integers are read; those that no kernel makes are refused in words', () => {
  const config = (input: object): { readonly config_groups: object } => ({
    config_groups: { g: { targets: ['Linear'], weights: { num_bits: 8 }, input_activations: { num_bits: 8, type: 'int', ...input } } },
  });
  const activations = (input: object): unknown => parseCompressedGroups({ ...config(input) }, file)[0]?.activations;
  const token = { bits: 8, symmetric: true, granularity: 'per_token', dynamic: true, rule: 'dashinfer' };
  assert.deepEqual(activations({ dynamic: true, strategy: 'token' }), token);
  assert.deepEqual(activations({ dynamic: true, strategy: 'token', num_bits: 6 }), { ...token, bits: 6 });
  assert.deepEqual(activations({ dynamic: false, strategy: 'tensor', symmetric: false }), {
    ...token,
    symmetric: false,
    granularity: 'per_tensor',
    dynamic: false,
    rule: 'affine',
  });
  assert.throws(() => activations({ dynamic: false, strategy: 'channel' }), /strategy: "channel".*dynamic per token or with one scale for the tensor/);
  assert.throws(() => activations({ dynamic: true, strategy: 'token', num_bits: 16 }), /num_bits: 16/);
});
