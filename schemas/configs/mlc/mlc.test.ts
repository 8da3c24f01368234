// MLC's names stand for the settings they have in MLC, and every name of the schema is understood.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJson } from '../../document/json.ts';
import { mlc } from './format.ts';
import { namedQuantization } from './quantization-names.ts';

test('names are taken apart into bits, groups and types', () => {
  const parts = (name: string): unknown[] => {
    const named = namedQuantization(name);
    return [named?.weights.bits, named?.weights.groupSize, named?.computeDtype, named?.activations?.dtype];
  };
  assert.deepEqual(parts('q4f16_1'), [4, 32, 'float16', undefined]);
  assert.deepEqual(parts('q4bf16_0'), [4, 32, 'bfloat16', undefined]);
  assert.deepEqual(parts('q4f16_autoawq'), [4, 128, 'float16', undefined]);
  assert.deepEqual(parts('q3f16_1'), [3, -1, 'float16', undefined]);
  assert.deepEqual(parts('e5m2_e5m2_f16'), [8, undefined, 'float16', 'fp8_e5m2']);
  assert.deepEqual(namedQuantization('fp8_e4m3fn_bf16_block_scale')?.weights.block, [128, 128]);
});

test('every name of the schema has a recipe, except those that do not quantize', () => {
  const names = mlc.schema.properties?.['quantization']?.enum ?? [];
  assert.ok(names.length >= 18);
  for (const name of names) {
    assert.equal(namedQuantization(String(name)) === null, String(name).startsWith('q0'), String(name));
  }
  for (const name of ['q4f16', 'q5f16_1', 'e4m3_e5m2_f16', 'q4f16_3', '']) {
    assert.equal(namedQuantization(name), null, name);
  }
});

test('a `quantization` that is no name of a chat config is not claimed', () => {
  const claimed = (name: string, value: unknown): boolean => mlc.match(name, parseJson(JSON.stringify(value)).root) !== null;
  assert.ok(claimed('mlc-chat-config.json', { quantization: 'q4f16_1' }));
  assert.ok(claimed('copy.json', { quantization: 'q4f16_1', model_config: {} }));
  assert.ok(!claimed('config.json', { quantization: 'q4f16_1' }));
  assert.ok(!claimed('hf_quant_config.json', { quantization: { quant_algo: 'FP8' } }));
});
