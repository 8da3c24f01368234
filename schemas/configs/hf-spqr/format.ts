// SpQR in config.json: 3-bit weights in tiles of 16 x 16.
import { schema } from '../../generated/schema-hf-spqr.ts';
import { validate } from '../../generated/validate-hf-spqr.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { methodFormat } from '../hf/method-format.ts';

export const hfSpqr: ConfigFormat = methodFormat({
  id: 'hf-spqr',
  title: 'SpQR quantization_config in config.json',
  methods: ['spqr'],
  schema,
  validate,
  snippets: [
    {
      label: 'SpQR',
      description: '3-bit weights with sparse outliers; shapes come from the quantizing tool',
      value: { quant_method: 'spqr', bits: 3, beta1: 16, beta2: 16, shapes: {} },
    },
  ],
  origins: { weights: ['bits'], 'weights.bits': ['bits'], 'weights.groupSize': ['beta1'] },
  recipe: (fields) =>
    (fields.integer('bits') ?? 3) === 3 && (fields.integer('beta1') ?? 16) === 16
      ? baseRecipe('hf-spqr', 'spqr', ['spqr'], { bits: 3, signed: false, symmetric: false, zeroPoint: 'integer', groupSize: 16 })
      : null,
});
