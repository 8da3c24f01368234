// There and back: whatever a conversion does not tell as lost is the same after it, and the way back leads to the settings one came from.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Recipe } from '../recipe/recipe.ts';
import { sample } from '../testing/arbitrary-config.ts';
import { plainName } from './plain-name.ts';
import { conversions, convert, recipeOf } from './testing.ts';

/** What decides how a model is read: never changed in silence. */
function essence({ weights, ignore }: Recipe): Readonly<Record<string, unknown>> {
  const { dtype, bits, groupSize, symmetric, descAct } = weights;
  return { dtype, bits, groupSize, symmetric, descAct, ignore: ignore.map(plainName).sort() };
}

const patterns = fc.uniqueArray(
  fc.constantFrom('.*down_proj', '.*up_proj', '.*self_attn', 'lm_head', 'model.layers.0.mlp', '.*layers\\.(0|1)\\..*', '.*[qk]_proj$'),
  {
    maxLength: 4,
  },
);
const gptq = fc.record({
  bits: fc.constantFrom(2, 3, 4, 8),
  group_size: fc.constantFrom(-1, 32, 64, 128),
  sym: fc.boolean(),
  desc_act: fc.boolean(),
  skipped: patterns,
});
const job = fc.record({
  quant_method: fc.constantFrom('rtn', 'gptq', 'awq', 'instant_quant'),
  weight_format: fc.constantFrom('int4', 'uint4', 'int8', 'uint8', 'int3'),
  group_size: fc.constantFrom(-1, 32, 64, 128),
  save_format: fc.constantFrom('gptq', 'gptq_v2', 'awq', 'compressed-tensors', 'quantwright'),
  desc_act: fc.boolean(),
  ignore: patterns,
});

test('quantize_config.json -> block -> quantize_config.json, and -> *.quant.json -> quantize_config.json', () => {
  fc.assert(
    fc.property(gptq, fc.constantFrom('gptq-block', 'quant-json'), ({ skipped, ...config }, id) => {
      const file = { ...config, dynamic: Object.fromEntries(skipped.map((pattern) => [`-:${pattern}`, {}])) };
      const before = essence(recipeOf('quantize_config.json', file));
      const there = convert(id, 'quantize_config.json', file, new Map([['config.json', '{"model_type": "llama"}']]));
      assert.deepEqual(there.losses, []);
      assert.deepEqual(essence(recipeOf(there.fileName ?? '', there.text)), before);
      const back = convert('gptq-file', there.fileName ?? '', there.text);
      assert.deepEqual(essence(recipeOf('quantize_config.json', back.text)), before);
    }),
    { numRuns: 300 },
  );
});

test('what a conversion of a job does not tell as lost, it keeps', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(job, (config) => {
      const before = essence(recipeOf('a.quant.json', config));
      for (const { id, fileName, text, losses } of conversions('a.quant.json', config)) {
        const after = essence(recipeOf(fileName ?? 'a.quant.json', text));
        const told = losses.join('\n');
        const changed = Object.keys(before).filter((key) => key !== 'ignore' && JSON.stringify(before[key]) !== JSON.stringify(after[key]));
        const words: Readonly<Record<string, RegExp>> = { groupSize: /group_size/, symmetric: /ymmetric weights/, descAct: /desc_act/ };
        for (const key of changed) {
          assert.match(told, words[key] ?? /never/, `${id} changes ${key} of ${JSON.stringify(config)}`);
        }
        for (const pattern of config.ignore) {
          const kept = recipeOf(fileName ?? 'a.quant.json', text)
            .ignore.map(plainName)
            .includes(plainName(pattern));
          assert.equal(kept, !told.includes(JSON.stringify(pattern).slice(1, -1)) && !told.includes(`"${pattern}"`), `${id} ${pattern}`);
        }
        seen.set(id, (seen.get(id) ?? 0) + 1);
      }
    }),
    { numRuns: 400 },
  );
  for (const id of ['gptq-block', 'gptq-file', 'awq-file', 'compressed-tensors-block', 'dashinfer']) {
    assert.ok((seen.get(id) ?? 0) > 5, `${id} was tried ${seen.get(id) ?? 0} times`);
  }
});

test('no config, however strange, makes a conversion throw', () => {
  fc.assert(
    fc.property(sample, fc.boolean(), ({ fileName, config, modelConfig }, besides) => {
      const beside = besides ? new Map([['config.json', JSON.stringify(modelConfig)]]) : undefined;
      for (const { text } of conversions(fileName, config, beside)) {
        assert.equal(typeof JSON.parse(text), 'object');
      }
    }),
    { numRuns: 1500 },
  );
});
