// BitNet in config.json: ternary weights and 8-bit activations.
import { schema } from '../../generated/schema-hf-bitnet.ts';
import { validate } from '../../generated/validate-hf-bitnet.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { methodFormat } from '../hf/method-format.ts';

export const hfBitnet: ConfigFormat = methodFormat({
  id: 'hf-bitnet',
  title: 'BitNet quantization_config in config.json',
  methods: ['bitnet'],
  schema,
  validate,
  snippets: [
    {
      label: 'BitNet',
      description: 'Packed ternary weights of a model trained so',
      value: { quant_method: 'bitnet', linear_class: 'bitlinear', quantization_mode: 'offline', modules_to_not_convert: ['lm_head'] },
    },
  ],
  origins: { variant: ['linear_class'], weights: ['linear_class'], activations: ['linear_class'], computeMethod: ['linear_class'] },
  recipe: (fields) => ({
    // Three values in two bits.
    ...baseRecipe('hf-bitnet', 'bitnet', ['bitnet'], { bits: 2 }),
    variant: fields.text('linear_class') ?? 'bitlinear',
    activations: { bits: 8, symmetric: true, granularity: 'per_token', dynamic: true },
    computeMethod: 'activate_quant',
  }),
});
