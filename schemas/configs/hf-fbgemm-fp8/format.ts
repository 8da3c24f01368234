// FBGEMM fp8 in a model's config.json: fp8 weights per channel, activations scaled for each token.
import { schema } from '../../generated/schema-hf-fbgemm-fp8.ts';
import { validate } from '../../generated/validate-hf-fbgemm-fp8.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { methodFormat } from '../hf/method-format.ts';
import { placeOfMethod } from '../hf/place.ts';

const METHODS = ['fbgemm_fp8'];

const format = methodFormat({
  id: 'hf-fbgemm-fp8',
  title: 'FBGEMM fp8 quantization_config in config.json',
  methods: METHODS,
  schema,
  validate,
  snippets: [
    {
      label: 'FBGEMM fp8',
      description: 'fp8 per channel with activations per token; Hopper and newer',
      value: { quant_method: 'fbgemm_fp8', activation_scale_ub: 1200, modules_to_not_convert: ['lm_head'] },
    },
  ],
  origins: {
    weights: ['quant_method'],
    'weights.dtype': ['quant_method'],
    'weights.bits': ['quant_method'],
    'weights.groupSize': ['quant_method'],
    activations: ['activation_scale_ub', 'quant_method'],
    computeMethod: ['quant_method'],
  },
  recipe: () => ({
    ...baseRecipe('hf-fbgemm-fp8', 'fbgemm_fp8', ['fp8'], { dtype: 'fp8_e4m3', bits: 8 }),
    activations: { dtype: 'fp8_e4m3', bits: 8, symmetric: true, granularity: 'per_token', dynamic: true },
    computeMethod: 'activate_quant',
  }),
});

export const hfFbgemmFp8: ConfigFormat = {
  ...format,
  match: (fileName, root) => placeOfMethod(fileName, root, METHODS, (config) => Object.hasOwn(config, 'activation_scale_ub')),
};
