// SmoothQuant in a file of its own: arguments of its scripts, or of llm-compressor's modifier without the recipe around it.
import { schema } from '../../generated/schema-smoothquant.ts';
import { validate } from '../../generated/validate-smoothquant.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { lowerSmoothQuant } from './lower.ts';

/** Beside `alpha`, a name that many share, two of these make the file certain. */
const BESIDE_ALPHA = ['act_scales_path', 'weight_quant', 'act_quant', 'quantize_bmm_input', 'smooth', 'smoothing_strength'];
/** Beside `smoothing_strength` one is enough. */
const BESIDE_STRENGTH = ['mappings', 'ignore', 'num_calibration_steps', 'calibration_function', ...BESIDE_ALPHA];

export const smoothquant: ConfigFormat = {
  id: 'smoothquant',
  title: 'SmoothQuant settings',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'recipe',
  snippets: [
    {
      label: 'SmoothQuant W8A8',
      description: 'Weights per channel, activations per token',
      value: { alpha: 0.5, act_scales_path: 'act_scales/model.pt', weight_quant: 'per_channel', act_quant: 'per_token', smooth: true, quantize: true },
    },
    {
      label: 'SmoothQuant with mappings',
      description: 'Which layers take the scales of which norm',
      value: {
        smoothing_strength: 0.5,
        mappings: [
          [['re:.*q_proj', 're:.*k_proj', 're:.*v_proj'], 're:.*input_layernorm'],
          [['re:.*gate_proj', 're:.*up_proj'], 're:.*post_attention_layernorm'],
        ],
        ignore: ['lm_head'],
      },
    },
  ],
  match(_fileName, root) {
    const value = root?.value;
    if (!isObject(value) || Object.hasOwn(value, 'quant_method') || Object.hasOwn(value, 'quant_type')) {
      return null;
    }
    const has = (key: string): boolean => Object.hasOwn(value, key);
    const named = has('smoothing_strength') && BESIDE_STRENGTH.some((key) => key !== 'smoothing_strength' && has(key));
    return named || (has('alpha') && BESIDE_ALPHA.filter(has).length >= 2) ? { path: [] } : null;
  },
  lower: lowerSmoothQuant,
  spell: () => [],
};
