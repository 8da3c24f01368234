// compressed-tensors: the combinations its reader refuses, the recipe of several groups, presets, and old places and keys.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkConfig } from '../../check/check.ts';
import type { CheckResult } from '../../check/types.ts';
import { moduleWeights } from '../../recipe/module-weights.ts';
import { findings, fixed } from '../../testing/checking.ts';
import { lowerCompressedTensors } from './lower.ts';

const W4 = { num_bits: 4, type: 'int', symmetric: true, strategy: 'group', group_size: 128 };
const TOKEN = { num_bits: 8, type: 'int', symmetric: true, strategy: 'token', dynamic: true };

function config(weights: object | null, inputs: object | null = null, more: object = {}): { readonly quantization_config: object } {
  const group_0 = { targets: ['Linear'], weights, input_activations: inputs };
  return { quantization_config: { quant_method: 'compressed-tensors', format: 'pack-quantized', config_groups: { group_0 }, ...more } };
}

function check(value: unknown): CheckResult {
  return checkConfig({ fileName: 'config.json', text: JSON.stringify(value), modelConfigText: null, targets: [] });
}

function messages(value: unknown): readonly string[] {
  return check(value).findings.map(({ code, message }) => `${code} ${message}`);
}

test('sound schemes are silent', () => {
  const sound: readonly (readonly [object, object | null])[] = [
    [W4, null],
    [{ num_bits: 4, group_size: 64 }, null],
    [{ num_bits: 8 }, null],
    [{ num_bits: 8, group_size: -1, strategy: 'channel' }, TOKEN],
    [
      { num_bits: 8, strategy: 'tensor' },
      { num_bits: 8, strategy: 'tensor' },
    ],
    [{ ...W4, actorder: 'weight' }, null],
    [{ ...W4, actorder: false }, null],
    [{ num_bits: 8, strategy: 'block', block_structure: '128x128', type: 'float' }, null],
    [W4, { num_bits: 8, type: 'float', strategy: 'group', group_size: 128, dynamic: true }],
  ];
  for (const [weights, inputs] of sound) {
    assert.deepEqual(messages(config(weights, inputs)), [], JSON.stringify([weights, inputs]));
  }
});

test('each refused combination is told once, in the words of the tool', () => {
  const refused: readonly (readonly [object, object | null, RegExp])[] = [
    [{ num_bits: 4, strategy: 'group' }, null, /^QC013 .*strategy group requires group_size to be set to a positive value/],
    [{ ...W4, group_size: 0 }, null, /^QC013 .*Invalid group size 0/],
    [{ ...W4, strategy: 'channel' }, null, /^QC013 .*group_size requires strategy to be set to 'group'/],
    [{ num_bits: 8, strategy: 'block' }, null, /^QC013 .*Block strategy requires block structure/],
    [{ ...W4, block_structure: [128, 128] }, null, /^QC013 .*Block structure requires block strategy/],
    [{ ...W4, dynamic: true }, null, /^QC013 Weights cannot have dynamic scales/],
    [{ num_bits: 8, strategy: 'channel', actorder: 'group' }, null, /^QC009 .*Must use group or tensor_group/],
    [W4, { ...TOKEN, dynamic: false }, /^QC013 .*Cannot perform static token quantization/],
    [W4, { ...TOKEN, dynamic: 'local' }, /^QC013 .*local is only supported for strategy tensor_group/],
    [W4, { ...TOKEN, actorder: 'weight' }, /^QC013 .*Cannot apply actorder to input activations/],
    [W4, { num_bits: 8, strategy: 'channel' }, /^QC013 Inputs have no strategy "channel"/],
    [{ num_bits: 8, type: 'float', symmetric: false }, null, /^QC005 /],
  ];
  for (const [weights, inputs, words] of refused) {
    const told = messages(config(weights, inputs));
    assert.equal(told.length, 1, `${JSON.stringify([weights, inputs])}: ${told.join(' | ')}`);
    assert.match(told[0] ?? '', words);
  }
});

test('removed column orders warn, since older readers take them', () => {
  for (const actorder of ['group', 'dynamic', true]) {
    const [finding, ...more] = findings('QC009', config({ ...W4, actorder }), { file: 'config.json' });
    assert.deepEqual([finding?.severity, more.length], ['warning', 0]);
    assert.equal(check(config({ ...W4, actorder })).recipe?.weights.descAct, true);
  }
});

test('an unknown key is found at any depth, a wrong pattern and a wrong block too', () => {
  assert.deepEqual(findings('QC012', config({ ...W4, numbits: 4 }), { file: 'config.json' })[0]?.path.slice(-2), ['weights', 'numbits']);
  assert.equal(findings('QC025', config(W4, null, { ignore: ['re:(', 're:(?i).*LM_HEAD', 're:(?P<a>x)'] }), { file: 'config.json' }).length, 1);
  const nvfp4 = config({ num_bits: 4, type: 'float', strategy: 'tensor_group', group_size: 32 }, null, { format: 'nvfp4-pack-quantized' });
  assert.equal(findings('QC006', nvfp4, { file: 'config.json' }).length, 1);
});

test('groups by name are exceptions of the group by class; without one all others stay in floating point', () => {
  const group = (targets: readonly string[], num_bits: number): object => ({ targets, weights: { num_bits, strategy: 'channel' } });
  const lower = (config_groups: object, ignore: readonly string[] = []): ReturnType<typeof moduleWeights> => {
    const { recipe } = lowerCompressedTensors({ quant_method: 'compressed-tensors', config_groups, ignore }, []);
    assert.ok(recipe);
    return moduleWeights(recipe);
  };
  const both = lower({ a: group(['re:.*down_proj'], 8), b: group(['Linear'], 4) }, ['lm_head', 're:visual']);
  assert.equal(both('model.layers.0.mlp.down_proj')?.bits, 8);
  assert.equal(both('model.layers.0.mlp.up_proj')?.bits, 4);
  assert.equal(both('lm_head'), null);
  assert.equal(both('visual.blocks.0.attn.qkv'), null);
  assert.equal(both('model.lm_head_norm')?.bits, 4);
  const named = lower({ a: group(['re:.*down_proj'], 8), b: group(['model.layers.0.mlp.up_proj'], 4) });
  assert.equal(named('model.layers.3.mlp.down_proj')?.bits, 8);
  assert.equal(named('model.layers.0.mlp.up_proj')?.bits, 4);
  assert.equal(named('model.layers.1.mlp.up_proj'), null);
});

test('presets stand for their schemes', () => {
  const preset = (name: string): ReturnType<typeof check>['recipe'] =>
    check({ quantization_config: { quant_method: 'compressed-tensors', config_groups: { [name]: ['Linear'] } } }).recipe;
  assert.deepEqual([preset('W4A16')?.weights.groupSize, preset('W4A16')?.activations], [128, null]);
  assert.deepEqual([preset('FP8_DYNAMIC')?.methods, preset('FP8_DYNAMIC')?.activations?.granularity], [['fp8'], 'per_token']);
  assert.deepEqual(preset('FP8_BLOCK')?.weights.block, [128, 128]);
  assert.deepEqual([preset('NVFP4')?.weights.dtype, preset('MXFP4')?.weights.dtype, preset('MXFP8')?.weights.dtype], ['nvfp4', 'mxfp4', 'mxfp8']);
});

test('the KV cache is read', () => {
  const cache = (strategy: string): unknown =>
    check(config(W4, null, { kv_cache_scheme: { num_bits: 8, type: 'float', symmetric: true, strategy, dynamic: false } })).recipe?.kvCache?.strategy;
  assert.deepEqual(['tensor', 'attn_head'].map(cache), ['per_tensor', 'per_head']);
  assert.equal(check(config(W4)).recipe?.kvCache, null);
});

test('the old place and the old switch are renamed', () => {
  const { quantization_config } = config(W4);
  assert.deepEqual(fixed('QC020', { compression_config: quantization_config }, { file: 'config.json' }), { quantization_config });
  const old = config(W4, null, { run_compressed: false });
  const { run_compressed: _, ...rest } = old.quantization_config as Record<string, unknown>;
  assert.deepEqual(fixed('QC020', old, { file: 'config.json' }), { quantization_config: { ...rest, dequantize: true } });
});

test('lowering never throws', () => {
  const args = fc.dictionary(
    fc.constantFrom('num_bits', 'type', 'strategy', 'group_size', 'block_structure', 'dynamic', 'actorder', 'symmetric'),
    fc.jsonValue(),
  );
  const scheme = fc.oneof(fc.jsonValue(), fc.record({ targets: fc.jsonValue(), weights: args, input_activations: args, format: fc.jsonValue() }));
  const any = fc.record({ config_groups: fc.oneof(fc.jsonValue(), fc.dictionary(fc.string(), scheme)), ignore: fc.jsonValue(), kv_cache_scheme: args });
  fc.assert(
    fc.property(any, (value) => {
      check({ quantization_config: { quant_method: 'compressed-tensors', ...value } });
    }),
    { numRuns: 500 },
  );
});
