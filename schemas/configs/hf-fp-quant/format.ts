// FP-Quant in config.json: NVFP4 or MXFP4 after a Hadamard rotation.
import { schema } from '../../generated/schema-hf-fp-quant.ts';
import { validate } from '../../generated/validate-hf-fp-quant.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { methodFormat } from '../hf/method-format.ts';

export const hfFpQuant: ConfigFormat = methodFormat({
  id: 'hf-fp-quant',
  title: 'FP-Quant quantization_config in config.json',
  methods: ['fp_quant'],
  schema,
  validate,
  snippets: [
    {
      label: 'FP-Quant NVFP4',
      description: 'Blocks of 16; Blackwell GPUs',
      value: { quant_method: 'fp_quant', forward_dtype: 'nvfp4', forward_method: 'abs_max', modules_to_not_convert: ['lm_head'] },
    },
    {
      label: 'FP-Quant MXFP4',
      description: 'Blocks of 32; Blackwell GPUs',
      value: { quant_method: 'fp_quant', forward_dtype: 'mxfp4', forward_method: 'abs_max', modules_to_not_convert: ['lm_head'] },
    },
  ],
  origins: {
    variant: ['forward_dtype'],
    weights: ['forward_dtype'],
    'weights.bits': ['forward_dtype'],
    'weights.dtype': ['forward_dtype'],
    'weights.groupSize': ['hadamard_group_size'],
    activations: ['forward_dtype'],
    computeMethod: ['forward_dtype'],
  },
  recipe(fields) {
    const named = fields.oneOf('forward_dtype', ['nvfp4', 'mxfp4'] as const);
    const dtype = named ?? (fields.broken('forward_dtype', null) ? null : 'nvfp4');
    if (dtype === null) {
      return null;
    }
    return {
      ...baseRecipe('hf-fp-quant', 'fp_quant', ['fp_quant'], { dtype, bits: 4, groupSize: dtype === 'nvfp4' ? 16 : 32 }),
      variant: dtype,
      activations: { dtype, bits: 4, symmetric: true, granularity: 'group', dynamic: true },
      computeMethod: 'activate_quant',
    };
  },
  spellings: { 'weights.dtype': { path: ['forward_dtype'], write: (dtype) => (dtype === 'nvfp4' || dtype === 'mxfp4' ? dtype : null) } },
});
