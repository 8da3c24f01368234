// AutoAWQ's words: every nibble is where its order says, and the codes come back; what the layout cannot hold is refused with what can.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '@quantwright/schemas/check/check';
import { baseRecipe, plainWeights } from '@quantwright/schemas/recipe/base-recipe';
import fc from 'fast-check';
import { plainActivations } from '../../checkpoint/activations.ts';
import { packAwq, unpackAwq } from '../../checkpoint/awq-words.ts';
import { awqOrder } from '../../checkpoint/layouts.ts';
import { rtn } from '../../methods/rtn/method.ts';
import { ownTarget } from '../judge.ts';
import { awqLayout } from './awq.ts';
import type { ModulePlan } from './layout.ts';

test("each word holds eight outputs of one input, in AutoAWQ's order", () => {
  const matrices = fc.record({ lines: fc.integer({ min: 1, max: 9 }), cols: fc.integer({ min: 1, max: 40 }) }).chain(({ lines, cols }) =>
    fc.record({
      rows: fc.constant(8 * lines),
      cols: fc.constant(cols),
      codes: fc.uint8Array({ minLength: 8 * lines * cols, maxLength: 8 * lines * cols, max: 15 }),
    }),
  );
  fc.assert(
    fc.property(matrices, ({ rows, cols, codes }) => {
      const words = new Uint32Array(packAwq(codes, rows, cols).buffer);
      assert.equal(words.length, (rows / 8) * cols);
      for (const [at, code] of codes.entries()) {
        const [row, col] = [Math.floor(at / cols), at % cols];
        const field = awqOrder.findIndex((output) => output === row % 8);
        assert.equal(((words[(col * rows) / 8 + Math.floor(row / 8)] ?? 0) >>> (4 * field)) & 15, code);
      }
      assert.deepEqual(unpackAwq(words, rows, cols), codes);
    }),
    { numRuns: 200 },
  );
});

const recipe = { ...baseRecipe('quantwright', 'rtn', ['rtn'], { bits: 4, groupSize: 32 }), saveFormat: 'awq' as const };

function plan(weights: Partial<typeof plainWeights>, rest: Partial<ModulePlan> = {}): ModulePlan {
  const scheme = awqLayout.scheme(recipe, rtn, { ...plainWeights, bits: 4, groupSize: 32, ...weights });
  return { module: 'm', block: 0, rows: 64, cols: 96, activations: null, scheme, ...rest };
}

test('what the layout cannot hold is refused in words', () => {
  assert.equal(awqLayout.refusal(plan({})), null);
  const refusals: readonly (readonly [ModulePlan, RegExp])[] = [
    [plan({ bits: 3 }), /holds 4-bit codes, not 3-bit ones/],
    [plan({}, { rows: 40 }), /rows in multiples of 32, and this matrix has 40/],
    [plan({}, { cols: 80 }), /group_size 32 does not divide 80 columns/],
    [plan({ groupSize: 48 }), /one group_size for all modules, 32 here, and this one has 48/],
    [plan({ descAct: true }), /groups in the order of columns/],
    [plan({}, { activations: plainActivations }), /weight-only/],
    [plan({}, { lmHead: true }), /output matrix in floating point/],
  ];
  for (const [refused, words] of refusals) assert.match(awqLayout.refusal(refused) ?? '', words);
});

test("the config that is written is AutoAWQ's, and the check finds nothing wrong with it", () => {
  const config = awqLayout.config(recipe, [plan({})], ['model.layers.0.mlp.down_proj']);
  assert.deepEqual(config, {
    quant_method: 'awq',
    bits: 4,
    group_size: 32,
    zero_point: true,
    version: 'gemm',
    modules_to_not_convert: ['model.layers.0.mlp.down_proj'],
  });
  const model = { architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: 96, intermediate_size: 96, num_hidden_layers: 1 };
  const sizes = { num_attention_heads: 3, num_key_value_heads: 3, vocab_size: 64, max_position_embeddings: 64, quantization_config: config };
  const { format, findings } = checkConfig({
    fileName: 'config.json',
    text: JSON.stringify({ ...model, ...sizes }),
    modelConfigText: null,
    targets: [ownTarget],
  });
  assert.equal(format, 'hf-awq');
  assert.deepEqual(
    findings.filter(({ severity }) => severity !== 'hint'),
    [],
  );
});
