// EXL2 in config.json: weights of mixed widths for exllamav2.
import { schema } from '../../generated/schema-hf-exl2.ts';
import { validate } from '../../generated/validate-hf-exl2.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { methodFormat, numberAt } from '../hf/method-format.ts';

export const hfExl2: ConfigFormat = methodFormat({
  id: 'hf-exl2',
  title: 'EXL2 quantization_config in config.json',
  methods: ['exl2'],
  schema,
  validate,
  snippets: [
    {
      label: 'EXL2 4.25 bits',
      description: 'As exllamav2 writes it; transformers does not know it',
      value: { quant_method: 'exl2', bits: 4.25, head_bits: 6, calibration: { rows: 100, length: 2048, dataset: '(default)' } },
    },
  ],
  origins: { weights: ['bits'], 'weights.bits': ['bits'], calibration: ['calibration'] },
  recipe(fields) {
    const bits = fields.number('bits');
    // Columns are ordered and grouped layer by layer, so that no group size holds for all.
    return bits === null || bits < 2 || bits > 8 ? null : baseRecipe('hf-exl2', 'exl2', ['exl2'], { bits, signed: false });
  },
  spellings: { 'weights.bits': numberAt('bits') },
});
