// Other tools' configs as jobs of ours, and ours as DashInfer's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '../check/check.ts';
import { conversions, convert } from './testing.ts';

test('a GPTQ checkpoint becomes the job that makes such a checkpoint', () => {
  const file = { bits: 4, group_size: 128, desc_act: true, sym: false, damp_percent: 0.05, dynamic: { '-:.*down_proj': {}, '.*up_proj': { bits: 8 } } };
  const { fileName, text, losses } = convert('quant-json', 'quantize_config.json', file);
  assert.equal(fileName, 'gptq-uint4-g128.quant.json');
  assert.deepEqual(JSON.parse(text), {
    quant_method: 'gptq',
    weight_format: 'uint4',
    group_size: 128,
    save_format: 'gptq',
    desc_act: true,
    true_sequential: true,
    damp_percent: 0.05,
    ignore: ['.*down_proj'],
    overrides: { '.*up_proj': { weight_format: 'uint8' } },
  });
  assert.deepEqual(losses, []);
});

test('integer activations keep their width, their zero point and how their scales are found', () => {
  const file = (weights: number, input: object): object => ({
    quantization_config: {
      quant_method: 'compressed-tensors',
      format: 'int-quantized',
      config_groups: {
        group_0: {
          targets: ['Linear'],
          weights: { num_bits: weights, type: 'int', symmetric: true, strategy: 'channel', dynamic: false },
          input_activations: { type: 'int', ...input },
        },
      },
    },
  });
  const job = (weights: number, input: object): object => {
    const { text, losses } = convert('quant-json', 'config.json', file(weights, input));
    const calibrated = 'The method rtn is not named; the new config says w8a8_static.';
    assert.deepEqual(losses, 'dynamic' in input && input.dynamic === false ? [calibrated] : []);
    const { save_format, group_size, ...rest } = JSON.parse(text) as Record<string, unknown>;
    assert.deepEqual([save_format, group_size], ['compressed-tensors', -1]);
    return rest;
  };
  const token = { symmetric: true, strategy: 'token', dynamic: true };
  assert.deepEqual(job(8, { ...token, num_bits: 8 }), { quant_method: 'rtn', weight_format: 'int8', compute_method: 'activate_quant' });
  assert.deepEqual(job(6, { ...token, num_bits: 6 }), { quant_method: 'rtn', weight_format: 'int6', activations: { bits: 6 } });
  assert.deepEqual(job(8, { ...token, num_bits: 8, symmetric: false }), { quant_method: 'rtn', weight_format: 'int8', activations: { symmetric: false } });
  const tensor = { strategy: 'tensor', dynamic: false, num_bits: 8 };
  assert.deepEqual(job(8, { ...tensor, symmetric: false }), { quant_method: 'w8a8_static', weight_format: 'int8', compute_method: 'activate_quant' });
  assert.deepEqual(job(8, { ...tensor, symmetric: true }), { quant_method: 'w8a8_static', weight_format: 'int8', activations: { symmetric: true } });
});

test('an 8-bit bitsandbytes checkpoint becomes the job that makes such a checkpoint', () => {
  const file = {
    quantization_config: {
      quant_method: 'bitsandbytes',
      load_in_8bit: true,
      _load_in_8bit: true,
      llm_int8_threshold: 5.5,
      llm_int8_skip_modules: ['lm_head'],
      llm_int8_has_fp16_weight: false,
      bnb_4bit_quant_type: 'fp4',
    },
  };
  const { text, losses } = convert('quant-json', 'config.json', file);
  const { ignore: _, ...job } = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual(job, {
    quant_method: 'llm_int8',
    weight_format: 'int8',
    group_size: -1,
    compute_method: 'activate_quant',
    llm_int8: { threshold: 5.5 },
    save_format: 'bitsandbytes',
  });
  assert.deepEqual(losses, []);
});

test("DashInfer's config is one of ours already, but for the key that it never reads", () => {
  const config = { quant_method: 'instant_quant', weight_format: 'uint4', group_settings: { '.*down': 64, '.*': 128 }, activate_format: 'int8' };
  const { text, losses } = convert('quant-json', 'dashinfer.json', config);
  assert.deepEqual(JSON.parse(text), { quant_method: 'instant_quant', weight_format: 'uint4', group_settings: { '.*down': 64, '.*': 128 } });
  assert.deepEqual(losses, ['"activate_format" has no counterpart in the new config.']);
});

test("DashInfer's call takes group sizes by pattern, and nothing else of ours", () => {
  const job = {
    quant_method: 'instant_quant',
    weight_format: 'uint4',
    group_size: 128,
    scale_type: 'bfloat16',
    ignore: ['.*down_proj'],
    overrides: { '.*up_proj': { group_size: 64 } },
  };
  const { text, losses } = convert('dashinfer', 'job.quant.json', job);
  assert.deepEqual(JSON.parse(text), {
    quant_method: 'instant_quant',
    weight_format: 'uint4',
    compute_method: 'weight_only',
    group_size: 128,
    group_settings: { '.*up_proj': 64, '.*': 128 },
  });
  assert.deepEqual(losses, [
    'Modules matching ".*down_proj" stay in floating point here; the new config cannot say so.',
    'scale_type ("bf16") is not said in the new config.',
  ]);
});

test('types that DashInfer cannot load are not converted for it', () => {
  for (const weight_format of ['int4', 'uint8', 'int3']) {
    assert.ok(conversions('a.quant.json', { quant_method: 'instant_quant', weight_format }).every(({ id }) => id !== 'dashinfer'));
  }
});

test('what is written is a config without errors of its own', () => {
  const files: readonly (readonly [string, unknown])[] = [
    ['quantize_config.json', { bits: 3, group_size: -1, desc_act: false }],
    ['quantize_config.json', { bits: 8, group_size: 32, sym: false, desc_act: true, static_groups: true }],
    ['d.json', { quant_method: 'instant_quant', weight_format: 'int8', compute_method: 'activate_quant' }],
    ['a.quant.json', { quant_method: 'rtn', weight_format: 'int4', save_format: 'gptq', group_size: 32 }],
  ];
  for (const [name, config] of files) {
    const all = conversions(name, config);
    assert.ok(all.length > 0, name);
    for (const { id, fileName, text } of all) {
      const { findings } = checkConfig({ fileName: fileName ?? name, text, modelConfigText: null, targets: [] });
      assert.deepEqual(
        findings.filter(({ severity }) => severity === 'error').map(({ message }) => message),
        [],
        `${id} of ${JSON.stringify(config)}`,
      );
    }
  }
});
