// Attention and MLP cut out of a block: what both give, added to what came in, is what the block gives; and other weights are taken where they are named.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBinding } from '../jobs/binding.ts';
import { architectures } from '../model/architectures/registry.ts';
import { buildBlock } from '../model/decoder.ts';
import { linearInputs } from '../model/observations.ts';
import { scalingPairs } from '../model/scaling-pairs.ts';
import { configOf, heads, hidden, randomModel, tokens, weightsOf } from '../model/testing/random-block.ts';
import { blockParts } from './block-parts.ts';

const binding = await loadBinding();

for (const { name, modelType } of architectures) {
  test(`${name}: the parts of a block add up to it, sequence by sequence`, async () => {
    const config = configOf(name, modelType, 2);
    const model = randomModel(3);
    const weights = weightsOf(model, null);
    const sequences = [0, 1, 2].map(() => Float32Array.from({ length: tokens * hidden }, () => model.next()));
    const parts = await blockParts(binding, config, weights, 1, sequences);
    const [attention, mlp] = [await parts.sample('attention'), await parts.sample('mlp')];
    const [fromAttention, fromMlp] = [await attention.output(new Map()), await mlp.output(new Map())];
    assert.deepEqual([attention.tokens, attention.width], [3 * tokens, hidden]);
    const program = binding.createProgram(await buildBlock(config, weights, 1));
    for (const [index, sequence] of sequences.entries()) {
      const whole = await program.run(program.createSession(tokens, 'f32'), sequence, 'all');
      const from = index * tokens * hidden;
      const worst = Math.max(
        ...whole.map((value, at) => Math.abs(value - (sequence[at] ?? 0) - (fromAttention[from + at] ?? 0) - (fromMlp[from + at] ?? Number.NaN))),
      );
      // Gemma 2 and 3 norm what the parts give before they add it.
      if (config.postNorms) assert.ok(worst > 0.01);
      else assert.ok(worst < 1e-4, `sequence ${index} is off by ${worst}`);
    }
    for (const input of linearInputs) assert.equal((await parts.sample(input)).values.length % (3 * tokens), 0);
  });

  test(`${name}: a part with other weights gives something else`, async () => {
    const config = configOf(name, modelType, heads);
    const model = randomModel(5);
    const parts = await blockParts(binding, config, weightsOf(model, null), 1, [Float32Array.from({ length: tokens * hidden }, () => model.next())]);
    for (const pair of scalingPairs(config, 1).filter(({ input }) => input === 'attention' || input === 'mlp')) {
      const sample = await parts.sample(pair.input);
      const [module = ''] = pair.consumers;
      const source = model.matrices.get(module) ?? assert.fail(`no ${module}`);
      const halved = await binding.editMatrix(source, { rows: new Float32Array(source.rows).fill(0.5) });
      const weight = await binding.createWeight({ codec: 'dense', ...source, data: new Uint8Array(halved.buffer) });
      assert.ok((await binding.meanSquaredError(await sample.output(new Map([[module, weight]])), await sample.output(new Map()))) > 1e-9, module);
    }
    await assert.rejects((await parts.sample('o_proj')).output(new Map()), /no part of a block begins/);
  });
}
