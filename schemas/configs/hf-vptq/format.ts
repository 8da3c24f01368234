// VPTQ in config.json: vectors of weights as codebook entries, described layer by layer.
import { schema } from '../../generated/schema-hf-vptq.ts';
import { validate } from '../../generated/validate-hf-vptq.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { fieldsOf, isObject } from '../fields.ts';
import { methodFormat } from '../hf/method-format.ts';

export const hfVptq: ConfigFormat = methodFormat({
  id: 'hf-vptq',
  title: 'VPTQ quantization_config in config.json',
  methods: ['vptq'],
  schema,
  validate,
  snippets: [
    {
      label: 'VPTQ',
      description: 'Layers come from the quantizing tool',
      value: { quant_method: 'vptq', enable_proxy_error: false, config_for_layers: {}, shared_layer_config: {} },
    },
  ],
  origins: { weights: ['config_for_layers'], 'weights.bits': ['config_for_layers'], overrides: ['config_for_layers'] },
  recipe(fields) {
    const layers = Object.values({ ...fields.object('shared_layer_config'), ...fields.object('config_for_layers') });
    const widths = layers.map(bitsOf).filter((bits) => bits !== null);
    const mean = widths.reduce((sum, bits) => sum + bits, 0) / widths.length;
    return widths.length === 0 ? null : baseRecipe('hf-vptq', 'vptq', ['vptq'], { dtype: 'codebook', bits: Math.round(mean * 100) / 100 });
  },
});

/** Bits of an index, and of the residual's, over the length of the vector; outliers are few and left out. */
function bitsOf(layer: unknown): number | null {
  const fields = fieldsOf(isObject(layer) ? layer : {}, []);
  const second = (key: string): number => {
    const list = fields.value[key];
    const value: unknown = Array.isArray(list) ? list[1] : undefined;
    return typeof value === 'number' && Number.isInteger(value) ? value : -1;
  };
  const [length, main, residual] = [second('vector_lens'), second('num_centroids'), second('num_res_centroids')];
  return length < 1 || main < 2 ? null : (Math.log2(main) + (residual > 1 ? Math.log2(residual) : 0)) / length;
}
