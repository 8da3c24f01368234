// EETQ in config.json: int8 weights per channel.
import { schema } from '../../generated/schema-hf-eetq.ts';
import { validate } from '../../generated/validate-hf-eetq.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { methodFormat } from '../hf/method-format.ts';

export const hfEetq: ConfigFormat = methodFormat({
  id: 'hf-eetq',
  title: 'EETQ quantization_config in config.json',
  methods: ['eetq'],
  schema,
  validate,
  snippets: [
    {
      label: 'EETQ int8',
      description: 'int8 weights, no calibration; NVIDIA GPUs',
      value: { quant_method: 'eetq', weights: 'int8', modules_to_not_convert: ['lm_head'] },
    },
  ],
  origins: { weights: ['weights'], 'weights.bits': ['weights'], 'weights.dtype': ['weights'] },
  recipe: (fields) => (fields.broken('weights', fields.oneOf('weights', ['int8'])) ? null : baseRecipe('hf-eetq', 'eetq', ['eetq'], { bits: 8 })),
});
