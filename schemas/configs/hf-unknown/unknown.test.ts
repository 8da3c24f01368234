// A quantization_config without a method, or with an unknown one: what it looks like; and everything that is none of our business.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '../../check/check.ts';
import type { CheckResult } from '../../check/types.ts';
import { findings, fixed } from '../../testing/checking.ts';
import { knownMethods } from '../hf/known-methods.ts';

function check(config: unknown, fileName = 'config.json'): CheckResult {
  return checkConfig({ fileName, text: JSON.stringify(config), modelConfigText: null, targets: [] });
}

test('a missing method is guessed by the keys', () => {
  const guesses: readonly (readonly [object, string])[] = [
    [{ in_group_size: 8, num_codebooks: 1 }, 'aqlm'],
    [{ bits: 3, beta1: 16, beta2: 16 }, 'spqr'],
    [{ config_for_layers: {} }, 'vptq'],
    [{ forward_dtype: 'nvfp4' }, 'fp_quant'],
    [{ global_quant_config: {} }, 'quark'],
    [{ linear_class: 'bitlinear' }, 'bitnet'],
  ];
  for (const [config, method] of guesses) {
    const after = fixed('QC004', { quantization_config: config }, { file: 'config.json' }) as {
      readonly quantization_config: { readonly quant_method: string };
    };
    assert.equal(after.quantization_config.quant_method, method);
  }
});

test('keys that tell nothing get no guess', () => {
  const [finding] = findings('QC004', { quantization_config: { something: 1 } }, { file: 'config.json' });
  assert.match(finding?.message ?? '', /quant_method is missing/);
  assert.deepEqual(finding?.fixes, []);
});

test('an unknown method gets the nearest name, else what the keys say', () => {
  const method = (quant_method: string, more: object = {}): unknown =>
    fixed('QC004', { quantization_config: { quant_method, ...more } }, { file: 'config.json' });
  assert.deepEqual(method('compresed-tensors'), { quantization_config: { quant_method: 'compressed-tensors' } });
  assert.deepEqual(method('AWQ'), { quantization_config: { quant_method: 'awq' } });
  assert.deepEqual(method('mine', { weight_block_size: [1, 1] }), { quantization_config: { quant_method: 'fp8', weight_block_size: [1, 1] } });
});

test('methods that some tool reads are never unknown', () => {
  for (const quant_method of knownMethods) {
    const { format, findings: found } = check({ quantization_config: { quant_method } });
    assert.ok(format !== 'hf-unknown', quant_method);
    assert.ok(!found.some(({ message }) => message.includes('is not known')), quant_method);
  }
});

test('settings of other kinds and places are left alone', () => {
  assert.equal(check({ quantization_config: {} }).format, null);
  assert.equal(check({ quantization_config: null }).format, null);
  assert.equal(check({ quantization_config: { weight_format: 'int8' } }).format, null);
  assert.equal(check({ quant_method: 'mine' }, 'settings.json').format, null);
  assert.equal(check({ quantization_config: { a: 1 }, learning_rate: 1 }, 'training.json').format, null);
});
