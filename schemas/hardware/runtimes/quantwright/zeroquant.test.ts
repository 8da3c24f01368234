// ZeroQuant in our own runtime: which kernel runs each width, how the flat matrix may be cut, and what other layouts hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelShape } from '../../../checkpoint/model-shape.ts';
import { judge, llama, recipeOf, short } from '../../../testing/judging.ts';

type Config = Readonly<Record<string, unknown>>;
const zeroquant = (config: Config): Config => ({ quant_method: 'zeroquant', ...config });
const weights = (config: Config): Config => zeroquant({ compute_method: 'weight_only', ...config });
const parts = (count: number, config: Config = {}): Config => weights({ zeroquant: { quantize_groups: count }, ...config });
const model = llama({ hidden: 2048, intermediate: 1056 });

const CASES: readonly (readonly [Config, string, ModelShape?])[] = [
  [zeroquant({}), 'supported w8a8', model],
  [zeroquant({ weight_format: 'uint8', activations: { symmetric: false } }), 'supported w8a8', model],
  [zeroquant({ activations: { dynamic: false } }), 'supported w8a8', model],
  [weights({ weight_format: 'int8', overrides: { '.*mlp': { weight_format: 'int4' } } }), 'supported q8', model],
  [weights({ weight_format: 'int2' }), 'supported q2'],
  [weights({ weight_format: 'uint1' }), 'supported bcq'],
  [weights({ weight_format: 'uint2' }), 'refused QW-30'],
  [weights({ weight_format: 'uint4', overrides: { '.*mlp': { weight_format: 'uint2' } } }), 'refused QW-30'],
  [weights({ weight_format: 'uint3' }), 'supported q3'],
  [weights({ quant_method: ['awq', 'zeroquant'], weight_format: 'uint1' }), 'refused QW-30'],
  [weights({ quant_method: ['awq', 'zeroquant'], weight_format: 'int2' }), 'supported q2'],
  [weights({ quant_method: ['smoothquant', 'zeroquant'], weight_format: 'uint1' }), 'supported bcq'],
  [parts(2048), 'supported q8', model],
  [parts(1), 'supported q8', model],
  [parts(2048, { group_size: 128 }), 'refused QW-31'],
  [parts(4096), 'supported q8', model],
  [parts(7), 'refused QW-32', model],
  [parts(262144), 'refused QW-32', model],
  [parts(7), 'supported q8'],
  [weights({ weight_format: 'int4', save_format: 'gptq' }), 'supported q4', llama({ hidden: 2048, intermediate: 1056 })],
  [weights({ weight_format: 'uint4', save_format: 'gptq' }), 'refused QW-05'],
  [weights({ weight_format: 'uint1', save_format: 'gptq' }), 'refused QW-05'],
  [zeroquant({ save_format: 'compressed-tensors' }), 'refused QW-05'],
  [zeroquant({ zeroquant: { lkd: { blocks: [0, -1] } } }), 'supported w8a8', model],
  [zeroquant({ zeroquant: { lkd: { blocks: [1000] } } }), 'refused QW-33', model],
  [zeroquant({ zeroquant: { lkd: { blocks: [1000] } } }), 'supported w8a8'],
];

for (const [config, expected, shape] of CASES) {
  test(`${JSON.stringify(config)}${shape === undefined ? '' : ' with a model'}: ${expected}`, () => {
    assert.equal(short(judge(recipeOf('quantwright', config), { runtime: 'quantwright', model: shape ?? null })).split(' (')[0], expected);
  });
}

test('what cannot be cut is told with the linear, the numbers and what to use', () => {
  const message = JSON.stringify(judge(recipeOf('quantwright', parts(7)), { runtime: 'quantwright', model }));
  assert.match(message, /q_proj: quantize_groups 7 does not divide the 4194304 weights of the 2048 x 2048 matrix; use 2048 \(a part for every row\), or null/);
});
