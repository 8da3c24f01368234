// Recipes of ZeroQuant -> the compression_training that trains with the same quantizers.
// Source: deepspeedai/DeepSpeed docs/_pages/config-json.md, deepspeed/compression/compress.py :: get_module_name (patterns are searched anywhere in a name).
import type { JsonObject } from '../configs/fields.ts';
import { moduleActivations } from '../recipe/module-weights.ts';
import type { ActivationRecipe, Recipe } from '../recipe/recipe.ts';
import type { Converter } from './conversion.ts';
import { partOfName } from './names.ts';

export const deepspeedConfig: Converter = {
  id: 'deepspeed',
  title: 'Convert to a DeepSpeed compression_training (ds_config.json)',
  convert({ recipe, format }) {
    if (format.id !== 'quantwright' || recipe.methods.join() !== 'zeroquant' || !expressible(recipe)) return null;
    const value = { zero_optimization: { stage: 0 }, fp16: { enabled: false }, compression_training: training(recipe) };
    return { destination: { kind: 'file', name: 'ds_config.json' }, value, carried: ['zeroquant', 'activations', 'compute_method'] };
  },
};

/** One number of groups and one kind of rounding for the model; activations of 4 or 8 bits, all found in one way. */
function expressible({ weights, overrides, activations, zeroquant }: Recipe): boolean {
  const rounded = [activations, ...overrides.map((one) => one.activations ?? null)].filter((one) => one !== null);
  return (
    (zeroquant?.quantizeGroups ?? null) !== null &&
    weights.groupSize === -1 &&
    overrides.every(({ weights: own }) => (own.symmetric ?? weights.symmetric) === weights.symmetric && (own.groupSize ?? -1) === -1) &&
    rounded.every((one) => (one.bits === 4 || one.bits === 8) && one.symmetric === activations?.symmetric)
  );
}

function training(recipe: Recipe): JsonObject {
  const { weights, activations, zeroquant } = recipe;
  const parts = partsOf(recipe);
  const quantized = parts.filter(({ activations: of }) => of !== null);
  return {
    weight_quantization: {
      shared_parameters: {
        enabled: true,
        schedule_offset: 0,
        quantize_groups: zeroquant?.quantizeGroups ?? 1,
        quantization_type: weights.symmetric ? 'symmetric' : 'asymmetric',
        quantize_weight_in_forward: true,
        rounding: 'nearest',
      },
      different_groups: grouped(
        'wq',
        parts.map(({ modules, bits }) => ({ modules, params: { start_bits: bits, target_bits: bits, quantization_period: 0 } })),
      ),
    },
    ...(activations === null
      ? {}
      : {
          activation_quantization: {
            shared_parameters: {
              enabled: true,
              quantization_type: activations.symmetric ? 'symmetric' : 'asymmetric',
              range_calibration: activations.dynamic ? 'dynamic' : 'static',
              schedule_offset: 0,
            },
            different_groups: grouped(
              'aq',
              quantized.map(({ modules, activations: of }) => ({ modules, params: { bits: of?.bits ?? activations.bits } })),
            ),
          },
        }),
  };
}

interface Part {
  readonly modules: readonly string[];
  readonly bits: number;
  readonly activations: ActivationRecipe | null;
}

/** The recipe's own modules first, then those of every override. No module is in two parts: DeepSpeed would stop. */
function partsOf(recipe: Recipe): readonly Part[] {
  const { weights, overrides, ignore, lmHead = false } = recipe;
  const own = [...ignore, ...overrides.map(({ pattern }) => pattern)];
  const others = overrides.map(({ pattern, weights: set, activations }, index): Part => {
    const before = [...ignore, ...overrides.slice(0, index).map((one) => one.pattern)];
    return { modules: [searched(pattern, before)], bits: set.bits ?? weights.bits, activations: activations === undefined ? recipe.activations : activations };
  });
  const head = lmHead && moduleActivations(recipe)('lm_head') === recipe.activations ? [searched('lm_head', own)] : [];
  // Linears of blocks have the number of their block in their names; embeddings and norms behind the last do not.
  return [{ modules: [searched('.*\\.\\d+\\.', own), ...head], bits: weights.bits, activations: recipe.activations }, ...others];
}

/** A pattern that matches from the start, as one that is searched anywhere; without what `before` matches. */
function searched(pattern: string, before: readonly string[]): string {
  const part = partOfName(pattern);
  if (before.length > 0) return `^(?!${before.join('|')})(?:${pattern})`;
  return part ?? `^(?:${pattern})`;
}

/** In their order: what is read back decides by the first. */
function grouped(prefix: string, groups: readonly { readonly modules: readonly string[]; readonly params: JsonObject }[]): JsonObject {
  return Object.fromEntries(groups.map((group, index) => [`${prefix}${index + 1}`, { params: group.params, modules: group.modules }]));
}
