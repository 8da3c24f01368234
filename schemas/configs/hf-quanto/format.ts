// optimum-quanto in config.json: the type of the weights, and activations that do not load.
import { schema } from '../../generated/schema-hf-quanto.ts';
import { validate } from '../../generated/validate-hf-quanto.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { WeightRecipe } from '../../recipe/recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { methodFormat } from '../hf/method-format.ts';

/** The groups of int4 and int2 fit themselves to each layer, and the file does not name them. */
const WEIGHTS: Readonly<Record<string, Partial<WeightRecipe>>> = {
  int8: { bits: 8 },
  int4: { bits: 4, symmetric: false, zeroPoint: 'integer' },
  int2: { bits: 2, symmetric: false, zeroPoint: 'integer' },
  float8: { bits: 8, dtype: 'fp8_e4m3' },
};

export const hfQuanto: ConfigFormat = methodFormat({
  id: 'hf-quanto',
  title: 'Quanto quantization_config in config.json',
  methods: ['quanto'],
  schema,
  validate,
  snippets: [
    {
      label: 'Quanto int8',
      description: '8-bit integers, quantized when the model loads',
      value: { quant_method: 'quanto', weights: 'int8', activations: null },
    },
    {
      label: 'Quanto int4',
      description: '4-bit integers, quantized when the model loads',
      value: { quant_method: 'quanto', weights: 'int4', activations: null },
    },
  ],
  origins: { weights: ['weights'], 'weights.bits': ['weights'], 'weights.dtype': ['weights'], activations: ['activations'], computeMethod: ['activations'] },
  recipe(fields) {
    const name = fields.text('weights') ?? (fields.broken('weights', null) ? '' : 'int8');
    const weights = Object.hasOwn(WEIGHTS, name) ? WEIGHTS[name] : undefined;
    return weights === undefined ? null : { ...baseRecipe('hf-quanto', 'quanto', ['quanto'], weights), variant: name };
  },
  spellings: {
    'weights.bits': { path: ['weights'], write: (bits) => (bits === 8 || bits === 4 || bits === 2 ? `int${bits}` : null) },
    'weights.dtype': { path: ['weights'], write: (dtype) => (dtype === 'fp8_e4m3' ? 'float8' : dtype === 'int' ? 'int8' : null) },
  },
});
