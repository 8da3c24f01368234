// Affine weights for Apple GPUs in config.json.
import { schema } from '../../generated/schema-hf-metal.ts';
import { validate } from '../../generated/validate-hf-metal.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { methodFormat, numberAt } from '../hf/method-format.ts';

export const hfMetal: ConfigFormat = methodFormat({
  id: 'hf-metal',
  title: 'Metal quantization_config in config.json',
  methods: ['metal'],
  schema,
  validate,
  snippets: [
    {
      label: 'Metal 4 bits',
      description: 'Affine weights for Apple GPUs',
      value: { quant_method: 'metal', bits: 4, group_size: 64, modules_to_not_convert: ['lm_head'] },
    },
  ],
  origins: { weights: ['bits'], 'weights.bits': ['bits'], 'weights.groupSize': ['group_size'] },
  recipe(fields) {
    const bits = fields.integer('bits') ?? (fields.broken('bits', null) ? null : 4);
    const groupSize = fields.integer('group_size') ?? (fields.broken('group_size', null) ? null : 64);
    return bits === null || groupSize === null || groupSize < 1 || ![2, 4, 8].includes(bits)
      ? null
      : baseRecipe('hf-metal', 'metal', ['rtn'], { bits, groupSize, signed: false, symmetric: false, zeroPoint: 'float' });
  },
  spellings: {
    'weights.bits': numberAt('bits', [2, 4, 8]),
    'weights.groupSize': { path: ['group_size'], write: (size) => (typeof size === 'number' && size > 0 ? size : null) },
  },
});
