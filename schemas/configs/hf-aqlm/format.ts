// AQLM in config.json: sums of codebook entries.
import { schema } from '../../generated/schema-hf-aqlm.ts';
import { validate } from '../../generated/validate-hf-aqlm.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import type { Fields } from '../fields.ts';
import { methodFormat } from '../hf/method-format.ts';
import { notConverted } from '../hf/not-converted.ts';

export const hfAqlm: ConfigFormat = methodFormat({
  id: 'hf-aqlm',
  title: 'AQLM quantization_config in config.json',
  methods: ['aqlm'],
  schema,
  validate,
  skipKey: 'linear_weights_not_to_quantize',
  snippets: [
    {
      label: 'AQLM 2 bits, one codebook',
      description: '16-bit indices of vectors of 8: best at 2 bits',
      value: { quant_method: 'aqlm', nbits_per_codebook: 16, num_codebooks: 1, in_group_size: 8, out_group_size: 1 },
    },
    {
      label: 'AQLM 2 bits, two codebooks',
      description: '8-bit indices of two codebooks: faster lookups',
      value: { quant_method: 'aqlm', nbits_per_codebook: 8, num_codebooks: 2, in_group_size: 8, out_group_size: 1 },
    },
  ],
  origins: { weights: ['nbits_per_codebook'], 'weights.bits': ['nbits_per_codebook'], variant: ['num_codebooks'] },
  recipe(fields) {
    const [bits, books, input, output] = [
      positive(fields, 'nbits_per_codebook', 16),
      positive(fields, 'num_codebooks', 1),
      positive(fields, 'in_group_size', 8),
      positive(fields, 'out_group_size', 1),
    ];
    if (bits === null || books === null || input === null || output === null) {
      return null;
    }
    return {
      ...baseRecipe('hf-aqlm', 'aqlm', ['aqlm'], { dtype: 'codebook', bits: (bits * books) / (input * output) }),
      variant: `${books}x${bits}`,
      ignore: weightNames(fields),
    };
  },
});

function positive(fields: Fields, key: string, otherwise: number): number | null {
  const value = fields.integer(key) ?? (fields.broken(key, null) ? null : otherwise);
  return value !== null && value > 0 ? value : null;
}

/** The list names weights (lm_head.weight), recipes name modules. */
function weightNames(fields: Fields): readonly string[] {
  return notConverted(fields.texts('linear_weights_not_to_quantize').flatMap((name) => (name.endsWith('.weight') ? [name.slice(0, -'.weight'.length)] : [])));
}
