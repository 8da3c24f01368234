// QLLM's quant_config_by_layer.json: layer -> bits and group size. Recognised by its members, which all have both.
import { schema } from '../../generated/schema-qllm-layers.ts';
import { validate } from '../../generated/validate-qllm-layers.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { QuantMethod, WeightRecipe } from '../../recipe/recipe.ts';
import type { ConfigFormat, Lowered } from '../config-format.ts';
import { fieldsOf, isObject } from '../fields.ts';
import { literal } from '../hf/not-converted.ts';

interface Layer {
  readonly name: string;
  readonly bits: number;
  readonly groupSize: number;
}

export const qllmLayers: ConfigFormat = {
  id: 'qllm-layers',
  title: 'QLLM quant_config_by_layer.json',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'recipe',
  snippets: [
    {
      label: 'Bits by layer',
      description: 'One member for each layer',
      value: { 'model.layers.0.mlp.down_proj': { wbits: 4, groupsize: 128 }, quant_method: 'gptq' },
    },
  ],
  match(_fileName, root) {
    const value = root?.value;
    const layers = isObject(value) ? Object.entries(value).filter(([key]) => key !== 'quant_method') : [];
    const shaped = layers.every(([, own]) => isObject(own) && Object.hasOwn(own, 'wbits') && Object.hasOwn(own, 'groupsize'));
    return layers.length > 0 && shaped ? { path: [] } : null;
  },
  lower: lowerLayers,
  // The recipe's own settings are those of most layers, not of one place.
  spell: () => [],
};

/** The settings of most layers, the others as overrides; layers that are not named stay in floating point. */
function lowerLayers(value: unknown, path: JsonPath): Lowered {
  const layers = layersOf(value);
  const usual = mostOf(layers);
  const fields = fieldsOf(value, path);
  const method = fields.oneOf('quant_method', ['gptq', 'awq', 'hqq', 'vptq']) ?? 'gptq';
  const place = { path: usual === null ? path : [...path, usual.name], present: usual !== null };
  const origins = {
    methods: place,
    scheme: place,
    weights: place,
    'weights.bits': place,
    'weights.groupSize': place,
    overrides: place,
    ignore: { path, present: true },
  };
  if (usual === null || method === 'vptq') {
    return { recipe: null, origins, problems: [] };
  }
  const methods: readonly QuantMethod[] = [method];
  const own = layers.filter((layer) => !same(layer, usual));
  return {
    recipe: {
      ...baseRecipe('qllm-layers', 'qllm', methods, { ...weightsOf(usual), symmetric: false, signed: false, zeroPoint: 'integer' }),
      overrides: own.map((layer) => ({ pattern: `${literal(layer.name)}$`, weights: weightsOf(layer) })),
      ignore: [`(?!(?:${layers.map(({ name }) => literal(name)).join('|')})$)`],
    },
    origins,
    problems: [],
  };
}

function layersOf(value: unknown): readonly Layer[] {
  return Object.entries(isObject(value) ? value : {}).flatMap(([name, own]): readonly Layer[] => {
    const fields = fieldsOf(own, []);
    const [bits, groupSize] = [fields.integer('wbits'), fields.integer('groupsize')];
    const sound = bits !== null && bits >= 2 && bits <= 8 && groupSize !== null && (groupSize === -1 || groupSize > 0);
    return sound ? [{ name, bits, groupSize }] : [];
  });
}

/** The first layer of the settings that most have. */
function mostOf(layers: readonly Layer[]): Layer | null {
  const counts = new Map<string, { readonly first: Layer; count: number }>();
  for (const layer of layers) {
    const known = counts.get(`${layer.bits} ${layer.groupSize}`) ?? { first: layer, count: 0 };
    known.count += 1;
    counts.set(`${layer.bits} ${layer.groupSize}`, known);
  }
  return [...counts.values()].sort((a, b) => b.count - a.count)[0]?.first ?? null;
}

function same(a: Layer, b: Layer): boolean {
  return a.bits === b.bits && a.groupSize === b.groupSize;
}

function weightsOf({ bits, groupSize }: Layer): Partial<WeightRecipe> {
  return { bits, groupSize };
}
