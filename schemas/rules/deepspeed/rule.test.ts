// QC021: what DeepSpeed's compression_training refuses, and what it only simulates.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed } from '../../testing/checking.ts';

interface Settings {
  readonly shared?: Readonly<Record<string, unknown>>;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly beside?: Readonly<Record<string, unknown>>;
  readonly more?: Readonly<Record<string, unknown>>;
}

function config({ shared, params, beside, more }: Settings = {}): Readonly<Record<string, unknown>> {
  return {
    fp16: { enabled: false },
    ...beside,
    compression_training: {
      weight_quantization: {
        shared_parameters: { enabled: true, quantize_weight_in_forward: true, ...shared },
        different_groups: { wq: { params: { start_bits: 8, target_bits: 4, ...params } } },
      },
      ...more,
    },
  };
}

const place = { file: 'ds_config.json' };
const errors = (settings: unknown): readonly string[] =>
  findings('QC021', settings, place)
    .filter(({ severity }) => severity === 'error')
    .map(({ message }) => message);

/** The path of what the first error underlines. */
const at = (settings: unknown): string =>
  findings('QC021', settings, place)
    .find(({ severity }) => severity === 'error')
    ?.path.join('.') ?? '';

test('a sound config has only the hint that weights are not packed', () => {
  const found = findings('QC021', config(), place);
  assert.deepEqual(
    found.map(({ severity }) => severity),
    ['hint'],
  );
  assert.match(found[0]?.message ?? '', /stay fp16 or fp32/);
});

test('bits can only fall', () => {
  assert.match(errors(config({ params: { start_bits: 4, target_bits: 8 } })).join(), /goes from 4 to 8 bits/);
  assert.deepEqual(errors(config({ params: { start_bits: 4, target_bits: 4 } })), []);
});

test('1-bit and 2-bit weights are symmetric', () => {
  assert.equal(
    at(config({ params: { target_bits: 2 }, shared: { quantization_type: 'asymmetric' } }))
      .split('.')
      .at(-1),
    'quantization_type',
  );
  assert.deepEqual(errors(config({ params: { target_bits: 3 }, shared: { quantization_type: 'asymmetric' } })), []);
  assert.deepEqual(errors(config({ params: { target_bits: 1 }, shared: { quantization_type: 'symmetric' } })), []);
});

test('where weights are rounded goes with the type of the optimizer', () => {
  const fp16 = { fp16: { enabled: true } };
  assert.match(errors(config({ beside: fp16 })).join(), /fp16 is enabled/);
  assert.match(errors(config({ shared: { quantize_weight_in_forward: false } })).join(), /fp16 is off/);
  assert.deepEqual(errors(config({ beside: fp16, shared: { quantize_weight_in_forward: false } })), []);
  assert.deepEqual(errors(config({ beside: { bf16: { enabled: true } }, shared: { quantize_weight_in_forward: false } })), []);
});

test('weights are not quantized under ZeRO', () => {
  assert.equal(at(config({ beside: { zero_optimization: { stage: 2 } } })), 'zero_optimization.stage');
  assert.deepEqual(errors(config({ beside: { zero_optimization: { stage: 0 } } })), []);
  assert.deepEqual(errors(config({ beside: { zero_optimization: { stage: 3 } }, shared: { enabled: false } })), []);
});

test('as many layers are kept as the teacher lists', () => {
  const layers = (keep: number, enabled = true) => config({ more: { layer_reduction: { enabled, keep_number_layer: keep, teacher_layer: [1, 3, 5] } } });
  assert.match(errors(layers(2)).join(), /lists 3 layers/);
  assert.deepEqual(errors(layers(3)), []);
  assert.deepEqual(errors(layers(2, false)), []);
});

test('groups must be there, with their bits, in the words of the tool', () => {
  const section = { shared_parameters: { enabled: true } };
  const without = { compression_training: { weight_quantization: section } };
  assert.match(errors(without).join(), /Weigh Quantization is enabled, different_groups must be specified/);
  assert.deepEqual(errors({ compression_training: { weight_quantization: { shared_parameters: { enabled: false } } } }), []);
  assert.match(errors(config({ params: { target_bits: undefined } })).join(), /"target_bits" is missing/);
});

test('a fix settles its finding', () => {
  const activations = (bits: number) => ({
    compression_training: { activation_quantization: { shared_parameters: { enabled: true }, different_groups: { aq: { params: { bits } } } } },
  });
  assert.deepEqual(fixed('QC021', activations(7), place), activations(8));
  assert.deepEqual(errors(activations(4)), []);
});
