// Model shapes from config.json: sizes, names and splits of the linears; a reason where they are not known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { read } from '../testing/places.ts';
import { isShape, modelShapeFromConfig } from './shape-from-config.ts';

test('the embedded model: tied, grouped-query, bfloat16', () => {
  const shape = modelShapeFromConfig(read('models/quill-16m/config.json'));
  assert.ok(isShape(shape));
  assert.deepEqual([shape.layers, shape.headDim, shape.kvHeads, shape.tiedEmbeddings, shape.dtype], [8, 64, 2, true, 'bfloat16']);
  assert.deepEqual(
    shape.linears.map(({ kind, in: input, out, parallel }) => `${kind} ${out}x${input} ${parallel}`),
    [
      'q_proj 384x384 column',
      'k_proj 128x384 column',
      'v_proj 128x384 column',
      'o_proj 384x384 row',
      'gate_proj 1024x384 column',
      'up_proj 1024x384 column',
      'down_proj 384x1024 row',
    ],
  );
});

test('untied models have an lm_head; experts have their own size and names', () => {
  const base = {
    model_type: 'qwen3_moe',
    hidden_size: 2048,
    intermediate_size: 6144,
    moe_intermediate_size: 768,
    num_experts: 128,
    num_hidden_layers: 2,
    num_attention_heads: 32,
    head_dim: 128,
    vocab_size: 100,
  };
  const shape = modelShapeFromConfig(base);
  assert.ok(isShape(shape));
  assert.equal(shape.linears.at(-1)?.kind, 'lm_head');
  assert.deepEqual(
    shape.linears.find(({ kind }) => kind === 'down_proj'),
    { kind: 'down_proj', module: 'model.layers.{i}.mlp.experts.{e}.down_proj', in: 768, out: 2048, parallel: 'row' },
  );
  assert.equal(shape.linears.find(({ kind }) => kind === 'o_proj')?.in, 4096);
});

test('what is not known has a reason that names it', () => {
  const reasons = [{ model_type: 'mamba' }, { hidden_size: 1 }, { model_type: 'llama', hidden_size: -4 }, 'not json', [], null].map((config) =>
    modelShapeFromConfig(config),
  );
  const patterns = [/"mamba"/, /model_type/, /"hidden_size"/, /not a JSON object/, /not a JSON object/, /not a JSON object/];
  for (const [index, result] of reasons.entries()) {
    assert.match(isShape(result) ? '' : result.reason, patterns[index] ?? /never/);
  }
});

test('no value makes it throw', () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom('model_type', 'hidden_size', 'text_config', 'architectures'), fc.jsonValue()),
      (value, config) => {
        modelShapeFromConfig(value);
        modelShapeFromConfig({ model_type: 'llama', ...config });
      },
    ),
  );
});
