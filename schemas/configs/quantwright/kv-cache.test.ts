import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '../../check/check.ts';

const check = (kv_cache: unknown) =>
  checkConfig({
    fileName: 'a.quant.json',
    text: JSON.stringify({ quant_method: 'gptq', weight_format: 'int4', group_size: 128, kv_cache }),
    modelConfigText: null,
    targets: [],
  });
const messages = (kv_cache: unknown): readonly string[] => check(kv_cache).findings.map(({ message }) => message);

test('kv_cache becomes the setting that the written model is used with', () => {
  assert.deepEqual(check({ method: 'kivi', bits: 4, value_bits: 2, group_size: 32 }).recipe?.kvSetting, {
    method: 'kivi',
    keyBits: 4,
    valueBits: 2,
    groupSize: 32,
    residualLength: 128,
    quantizePrefill: false,
  });
  assert.deepEqual(check({ method: 'fp8' }).recipe?.kvSetting, { method: 'fp8' });
  assert.equal(check(null).recipe?.kvSetting, undefined);
});

test('options of other methods and lengths that do not go together are told once', () => {
  const found = (kv_cache: unknown) => messages(kv_cache).filter((text) => /KV cache|kv_cache|group_size|bits|residual/.test(text));
  assert.match(found({ method: 'int8', group_size: 32 }).join(), /^the KV cache int8 has no group_size; it has bits\.$/);
  assert.match(found({ method: 'kivi', bits: 3 }).join(), /^bits of the KV cache kivi is 3; it must be 2 or 4\.$/);
  assert.match(found({ method: 'kivi', group_size: 96 }).join(), /residual_length of the KV cache kivi is 128; it must be a multiple of group_size 96/);
  assert.equal(found({ method: 'kivi', group_size: 12 }).length, 1);
  assert.equal(found({ method: 'kivi', bits: 4, group_size: 64, residual_length: 128, quantize_prefill: true }).length, 0);
});
