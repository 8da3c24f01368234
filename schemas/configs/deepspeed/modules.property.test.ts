// Groups of compression_training as settings of modules: as DeepSpeed finds them, by searching every name for the patterns of every group.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkConfig } from '../../check/check.ts';
import { moduleActivations, moduleWeights } from '../../recipe/module-weights.ts';
import type { ActivationRecipe, WeightRecipe } from '../../recipe/recipe.ts';

const linears = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj', 'mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'];
const names = [...['0', '1', '10'].flatMap((layer) => linears.map((linear) => `model.layers.${layer}.${linear}`)), 'lm_head'];

const module = fc.constantFrom(
  'self_attn',
  'mlp',
  'q_proj',
  'self_attn.q_proj',
  'mlp.(gate|up)_proj',
  'down_proj',
  'layers\\.1\\.',
  'o_proj|down_proj',
  '^lm_head',
  '[kv]_proj',
  'gate',
);
const modules = fc.uniqueArray(module, { minLength: 1, maxLength: 3 });
const weights = fc.array(fc.record({ modules, bits: fc.constantFrom(3, 4, 8) }), { minLength: 1, maxLength: 3 });
const activations = fc.array(fc.record({ modules, bits: fc.constantFrom(4, 8) }), { maxLength: 3 });

interface Group {
  readonly modules: readonly string[];
  readonly bits: number;
}

/** The bits that DeepSpeed gives a module; null: none. Throws where two groups find one. */
function found(groups: readonly Group[], name: string): number | null {
  const own = groups.filter((group) => group.modules.some((pattern) => new RegExp(pattern).test(name)));
  if (own.length > 1) throw new Error(`${name} is in two groups`);
  return own[0]?.bits ?? null;
}

function section(groups: readonly Group[], params: (bits: number) => unknown, more: object): unknown {
  return {
    shared_parameters: { enabled: groups.length > 0, ...more },
    different_groups: Object.fromEntries(groups.map((group, index) => [`g${index}`, { params: params(group.bits), modules: group.modules }])),
  };
}

test('every module gets the bits of the group that finds it, and stays as it is where none does', () => {
  let compared = 0;
  fc.assert(
    fc.property(weights, activations, (weightGroups, activationGroups): void => {
      let expected: readonly (readonly [number | null, number | null])[];
      try {
        expected = names.map((name) => [found(weightGroups, name), found(activationGroups, name)]);
      } catch {
        return; // DeepSpeed refuses it.
      }
      const text = JSON.stringify({
        compression_training: {
          weight_quantization: section(weightGroups, (bits) => ({ start_bits: bits, target_bits: bits }), { quantize_groups: 8 }),
          activation_quantization: section(activationGroups, (bits) => ({ bits }), { range_calibration: 'dynamic' }),
        },
      });
      const { recipe } = checkConfig({ fileName: 'ds.json', text, modelConfigText: null, targets: [] });
      assert.ok(recipe !== null);
      for (const [index, name] of names.entries()) {
        const own: WeightRecipe | null = name !== 'lm_head' || recipe.lmHead === true ? moduleWeights(recipe)(name) : null;
        const beside: ActivationRecipe | null = own === null ? null : moduleActivations(recipe)(name);
        const [bits = null, activationBits = null] = expected[index] ?? [];
        assert.deepEqual(
          [name, own?.bits ?? null, beside?.bits ?? null],
          [name, bits, bits === null ? null : activationBits],
          JSON.stringify(recipe.overrides),
        );
        compared++;
      }
    }),
    { numRuns: 400 },
  );
  assert.ok(compared > 1000, `only ${compared} modules were compared`);
});
