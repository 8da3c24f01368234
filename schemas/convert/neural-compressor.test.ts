// Static W8A8 between Neural Compressor's configs of both versions and our own, both ways.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Recipe } from '../recipe/recipe.ts';
import { conversions, convert, recipeOf } from './testing.ts';

test('a static config of 2.x: observer, codes, smoothing and samples of the operators', () => {
  const config = {
    approach: 'static',
    op_type_dict: {
      Linear: { activation: { dtype: ['int8'], scheme: ['sym'], algorithm: ['percentile'] }, weight: { scheme: ['sym'], granularity: ['per_channel'] } },
    },
    op_name_dict: { '.*lm_head': { weight: { dtype: 'fp32' }, activation: { dtype: 'fp32' } } },
    recipes: { smooth_quant: true, smooth_quant_args: { alpha: [0.4, 0.6] } },
    calibration_sampling_size: [256, 512],
  };
  const { methods, activations, w8a8Static, smoothquant, calibration, ignore, saveFormat } = recipeOf('ptq.json', config);
  assert.deepEqual(methods, ['smoothquant', 'w8a8_static']);
  assert.deepEqual(activations, { bits: 8, symmetric: true, granularity: 'per_tensor', dynamic: false, rule: 'affine' });
  assert.equal(w8a8Static?.observer, 'percentile');
  assert.deepEqual(smoothquant, { alpha: 'auto', alphas: [0.4, 0.6] });
  assert.deepEqual([calibration?.samples, ignore, saveFormat], [256, ['.*lm_head'], 'compressed-tensors']);
  const { text, losses } = convert('quant-json', 'ptq.json', config);
  assert.deepEqual(JSON.parse(text), {
    quant_method: ['smoothquant', 'w8a8_static'],
    weight_format: 'int8',
    group_size: -1,
    activations: { symmetric: true },
    w8a8_static: { observer: 'percentile', percentile: 99.99, bins: 2048 },
    smoothquant: { alpha: 'auto', alphas: [0.4, 0.6] },
    save_format: 'compressed-tensors',
    calibration: { samples: 256, sequence_length: 512 },
    ignore: ['lm_head'],
    lm_head: true,
  });
  assert.deepEqual(losses, []);
});

test('what a config of 2.x does not say is what its backend does', () => {
  const of = (more: object): Recipe => recipeOf('ptq.json', { approach: 'static', quant_level: 1, ...more });
  assert.deepEqual([of({}).w8a8Static?.observer, of({ backend: 'ipex' }).w8a8Static?.observer], ['kl', 'minmax']);
  assert.deepEqual([of({}).activations?.bits, of({ reduce_range: true }).activations?.bits], [8, 7]);
  assert.deepEqual([of({}).activations?.symmetric, of({}).weights.symmetric, of({}).lmHead], [false, true, true]);
  assert.equal(of({ approach: 'dynamic' }).w8a8Static, undefined);
});

test('classes of 3.x, alone and under the name of the algorithm', () => {
  const plain = { w_dtype: 'int8', w_sym: true, act_dtype: 'uint8', act_sym: true, act_algo: 'kl' };
  const alone = recipeOf('any.json', plain);
  assert.deepEqual(
    [alone.methods, alone.activations?.symmetric, alone.w8a8Static?.observer, alone.variant],
    [['w8a8_static'], true, 'kl', 'StaticQuantConfig'],
  );
  assert.deepEqual(recipeOf('any.json', { static_quant: plain }), alone);
  const smooth = recipeOf('any.json', { smooth_quant: { ...plain, alpha: 'auto', alpha_min: 0.3, alpha_max: 0.5, alpha_step: 0.1 } });
  assert.deepEqual([smooth.methods, smooth.smoothquant], [['smoothquant', 'w8a8_static'], { alpha: 'auto', alphas: [0.3, 0.4, 0.5] }]);
  assert.deepEqual(convert('neural-compressor', 'any.json', plain).losses, []);
});

test('our settings become a config of 2.x, and come back the same', () => {
  const observer = fc.constantFrom('minmax', 'kl', 'percentile');
  const alpha = fc.constantFrom<unknown>(null, { alpha: 0.7 }, { alpha: 'auto', alphas: [0.5, 0.6] });
  fc.assert(
    fc.property(observer, fc.boolean(), fc.boolean(), fc.boolean(), fc.constantFrom(7, 8), alpha, (name, symmetric, signed, head, bits, smoothquant) => {
      const job = {
        quant_method: smoothquant === null ? 'w8a8_static' : ['smoothquant', 'w8a8_static'],
        weight_format: signed ? 'int8' : 'uint8',
        w8a8_static: { observer: name },
        activations: { symmetric, bits },
        ...(smoothquant === null ? {} : { smoothquant }),
        ...(head ? { lm_head: true } : {}),
        ignore: ['.*down_proj'],
      };
      const before = recipeOf('a.quant.json', job);
      const { text, fileName } = convert('neural-compressor', 'a.quant.json', job);
      const after = recipeOf(fileName ?? '', text);
      const said = ({ methods, activations, w8a8Static, weights, smoothquant: smoothing, ignore }: Recipe) => [
        methods,
        activations,
        w8a8Static,
        [weights.bits, weights.symmetric, weights.groupSize],
        smoothing,
        ignore.filter((pattern) => !pattern.includes('lm_head')),
      ];
      assert.deepEqual(said(after), said(before));
      assert.equal(after.ignore.includes('.*lm_head'), !head);
    }),
  );
});

test('what Neural Compressor has no words for is not offered', () => {
  const offered = (more: object): boolean =>
    conversions('a.quant.json', { quant_method: 'w8a8_static', weight_format: 'int8', ...more }).some(({ id }) => id === 'neural-compressor');
  assert.ok(offered({}));
  assert.ok(!offered({ w8a8_static: { observer: 'moving_average' } }));
  assert.ok(!offered({ activations: { bits: 6 } }));
  assert.ok(!offered({ overrides: { '.*down_proj': { activations: null } } }));
});
