// MXFP4 in config.json (gpt-oss): 4-bit floats in blocks of 32.
import { schema } from '../../generated/schema-hf-mxfp4.ts';
import { validate } from '../../generated/validate-hf-mxfp4.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { methodFormat } from '../hf/method-format.ts';

export const hfMxfp4: ConfigFormat = methodFormat({
  id: 'hf-mxfp4',
  title: 'MXFP4 quantization_config in config.json',
  methods: ['mxfp4'],
  schema,
  validate,
  snippets: [
    {
      label: 'MXFP4 experts',
      description: '4-bit experts, everything else in bf16, as in gpt-oss',
      value: { quant_method: 'mxfp4', modules_to_not_convert: ['model.layers.*.self_attn', 'model.layers.*.mlp.router', 'model.embed_tokens', 'lm_head'] },
    },
  ],
  origins: {},
  recipe: () => baseRecipe('hf-mxfp4', 'mxfp4', ['mxfp4'], { dtype: 'mxfp4', bits: 4, groupSize: 32 }),
});
