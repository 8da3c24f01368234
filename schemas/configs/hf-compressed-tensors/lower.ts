// compressed-tensors -> Recipe: the group of most linears, the others as overrides.
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath, Origins } from '../../recipe/origin.ts';
import type { ModuleOverride, Recipe } from '../../recipe/recipe.ts';
import type { Lowered } from '../config-format.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { targetOfName } from '../hf/module-patterns.ts';
import { activationsOf, cacheOf, methodOf, readArgs, weightsOf } from './args.ts';
import { type Group, groupsOf, mainGroup, patternOf, targetsClass } from './groups.ts';
import { configProblems } from './problems.ts';

export function lowerCompressedTensors(value: unknown, path: JsonPath): Lowered {
  const fields = fieldsOf(value, path);
  const groups = groupsOf(fields, path);
  const main = mainGroup(groups);
  return {
    recipe: main?.weights ? recipeOf(fields, groups, main) : null,
    origins: originsOf(fields, main),
    problems: configProblems(fields, groups, path),
  };
}

function recipeOf(fields: Fields, groups: readonly Group[], main: Group): Recipe | null {
  if (main.weights === null) {
    return null;
  }
  const weights = weightsOf(main.weights);
  const variant = typeof main.scheme['format'] === 'string' ? main.scheme['format'] : fields.text('format');
  const cache = readArgs(fields.value['kv_cache_scheme']);
  const packed = weights.dtype === 'int' && (variant === 'pack-quantized' || variant === 'int-quantized');
  return {
    ...baseRecipe('hf-compressed-tensors', 'compressed-tensors', [methodOf(weights)], weights),
    variant,
    activations: main.inputs === null ? null : activationsOf(main.inputs),
    computeMethod: main.inputs === null ? 'weight_only' : 'activate_quant',
    overrides: overridesOf(groups, main),
    ignore: [
      ...fields
        .texts('ignore')
        .map(targetOfName)
        .filter((pattern) => pattern !== null),
      ...untargeted(groups),
    ],
    saveFormat: packed ? 'compressed-tensors' : null,
    kvCache: cache === null ? null : cacheOf(cache),
  };
}

/** Groups before the main one win over it, those behind it never get a layer that it targets by class; by name they are exceptions all the same. */
function overridesOf(groups: readonly Group[], main: Group): readonly ModuleOverride[] {
  return groups.flatMap((group) => {
    const pattern = group === main || group.weights === null ? null : patternOf(group);
    return group.weights === null || pattern === null ? [] : [{ pattern, weights: weightsOf(group.weights) }];
  });
}

/** When every group names its modules, all others stay in floating point. */
function untargeted(groups: readonly Group[]): readonly string[] {
  const weighted = groups.filter(({ weights }) => weights !== null);
  const patterns = weighted.map(patternOf).filter((pattern) => pattern !== null);
  return weighted.some(targetsClass) || patterns.length === 0 ? [] : [`(?!${patterns.join('|')})`];
}

function originsOf(fields: Fields, main: Group | null): Origins {
  fields.origin('methods', 'quant_method');
  fields.origin('scheme', 'quant_method');
  fields.origin('variant', 'format');
  fields.origin('saveFormat', 'format');
  fields.origin('overrides', 'config_groups');
  fields.origin('ignore', 'ignore');
  fields.origin('kvCache', 'kv_cache_scheme');
  if (main === null || main.preset) {
    const path = main?.path ?? [];
    const whole =
      main === null ? {} : { weights: { path, present: true }, 'weights.groupSize': { path, present: false }, 'weights.bits': { path, present: false } };
    fields.origin('weights', 'config_groups');
    return { ...fields.origins(), ...whole };
  }
  const scheme = fieldsOf(main.scheme, main.path);
  scheme.origin('weights', 'weights');
  scheme.origin('activations', 'input_activations');
  scheme.origin('computeMethod', 'input_activations');
  if (typeof main.scheme['format'] === 'string') {
    scheme.origin('variant', 'format');
  }
  const weights = fieldsOf(main.scheme['weights'], [...main.path, 'weights']);
  weights.origin('weights.bits', 'num_bits');
  weights.origin('weights.dtype', 'type', 'num_bits');
  weights.origin('weights.symmetric', 'symmetric');
  weights.origin('weights.signed', 'symmetric');
  weights.origin('weights.groupSize', 'group_size', 'strategy');
  weights.origin('weights.block', 'block_structure', 'strategy');
  weights.origin('weights.descAct', 'actorder');
  return { ...fields.origins(), ...scheme.origins(), ...weights.origins() };
}
