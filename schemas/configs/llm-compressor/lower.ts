// A recipe of llm-compressor -> Recipe: the first modifier that quantizes, with those before it as the steps of the pipeline.
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath, Origins } from '../../recipe/origin.ts';
import type { QuantMethod, Recipe, WeightRecipe } from '../../recipe/recipe.ts';
import type { Lowered } from '../config-format.ts';
import { targetOfName } from '../hf/module-patterns.ts';
import { firstGroup, kvCacheOf, presetsIn } from './groups.ts';
import { type Modifier, modifiersOf, QUANTIZING } from './modifiers.ts';
import { presetScheme, type Scheme } from './presets.ts';
import { recipeProblems } from './problems.ts';

export function lowerRecipe(value: unknown, path: JsonPath): Lowered {
  const problems = recipeProblems(value, path);
  const modifiers = modifiersOf(value, path);
  const modifier = quantizingModifier(value, path);
  const scheme = modifier === null ? null : schemeOf(modifier);
  if (modifier === null || scheme === null) {
    return { recipe: null, origins: {}, problems };
  }
  const before = modifiers.slice(0, modifiers.indexOf(modifier)).map(({ name }) => name);
  const smooth: readonly QuantMethod[] = before.includes('SmoothQuantModifier') ? ['smoothquant'] : [];
  const { fields } = modifier;
  const order = fields.text('actorder');
  const gptq = modifier.name === 'GPTQModifier';
  const recipe: Recipe = {
    ...baseRecipe('llm-compressor', 'llm-compressor', [...smooth, methodOf(modifier.name, before, scheme.weights)], {
      ...scheme.weights,
      descAct: gptq && order === 'group',
    }),
    variant: presetsIn(fields)[0] ?? null,
    activations: scheme.activations,
    computeMethod: scheme.activations === null ? 'weight_only' : 'activate_quant',
    ignore: fields.texts('ignore').flatMap((name) => targetOfName(name) ?? []),
    dampPercent: fields.number('dampening_frac') ?? 0.01,
    kvCache: kvCacheOf(fields),
  };
  return { recipe, origins: originsOf(modifier), problems };
}

/** The first modifier whose scheme can be read; AWQModifier of older versions has one of its own. */
export function quantizingModifier(value: unknown, path: JsonPath): Modifier | null {
  return modifiersOf(value, path).find((one) => (QUANTIZING.includes(one.name) || one.name === 'AWQModifier') && schemeOf(one) !== null) ?? null;
}

function schemeOf({ fields }: Modifier): Scheme | null {
  const [preset] = presetsIn(fields);
  return preset === undefined ? (firstGroup(fields)?.scheme ?? null) : presetScheme(preset);
}

function methodOf(name: string, before: readonly string[], { dtype }: Partial<WeightRecipe>): QuantMethod {
  if (name === 'GPTQModifier') {
    return 'gptq';
  }
  if (name === 'AutoRoundModifier') {
    return 'auto_round';
  }
  if (name === 'AWQModifier' || before.includes('AWQModifier')) {
    return 'awq';
  }
  return dtype === 'nvfp4' || dtype === 'mxfp4' || dtype === 'mxfp8' ? dtype : dtype === 'fp8_e4m3' ? 'fp8' : 'rtn';
}

function originsOf({ path, fields }: Modifier): Origins {
  const place = (...steps: readonly (string | number)[]): { readonly path: JsonPath; readonly present: boolean } => ({
    path: [...path, ...steps],
    present: true,
  });
  const group = firstGroup(fields)?.name;
  const preset = presetsIn(fields).length > 0;
  const weights = (key: string): { readonly path: JsonPath; readonly present: boolean } =>
    preset || group === undefined ? place('scheme') : place('config_groups', group, 'weights', key);
  const activations = preset || group === undefined ? place('scheme') : place('config_groups', group, 'input_activations');
  return {
    scheme: place(),
    methods: place(),
    variant: place('scheme'),
    weights: weights('num_bits'),
    'weights.bits': weights('num_bits'),
    'weights.dtype': weights('type'),
    'weights.signed': weights('symmetric'),
    'weights.symmetric': weights('symmetric'),
    'weights.groupSize': weights('group_size'),
    'weights.block': weights('block_structure'),
    'weights.descAct': place('actorder'),
    activations,
    computeMethod: activations,
    ignore: place('ignore'),
    kvCache: place('kv_cache_scheme'),
    dampPercent: place('dampening_frac'),
  };
}
