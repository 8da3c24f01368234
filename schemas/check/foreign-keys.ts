// The same idea has another key in every tool's config (config-formats section 0). Copying across families is a common mistake that most tools
// pass over in silence; this table turns it into a rename.
import type { JsonSchema } from '../configs/json-schema.ts';

/** Spellings of one idea. `invert`: spellings with the opposite meaning. */
interface Idea {
  readonly keys: readonly string[];
  readonly invert?: readonly string[];
}

const IDEAS: readonly Idea[] = [
  { keys: ['bits', 'w_bit', 'wbits', 'w_bits', 'nbits', 'num_bits', 'weight_bits', 'quantization_bit'] },
  { keys: ['group_size', 'q_group_size', 'groupsize', 'GroupSize', 'groupSize', 'block_size', 'weight_group_size'] },
  { keys: ['symmetric', 'sym', 'is_symmetric', 'use_sym'], invert: ['zero_point', 'has_zero_point', 'asym', 'asymmetric'] },
  { keys: ['desc_act', 'act_order', 'actorder', 'activation_order'] },
  { keys: ['damp_percent', 'percdamp', 'dampening_frac'] },
  { keys: ['ignore', 'modules_to_not_convert', 'exclude_modules', 'skip_modules', 'llm_int8_skip_modules', 'ignored_layers'] },
  { keys: ['quant_method', 'method', 'quantization_method', 'quant_type'] },
  { keys: ['weight_format', 'weight_type', 'weight_dtype', 'dtype'] },
  { keys: ['scale_type', 'scale_dtype'] },
  { keys: ['save_format', 'checkpoint_format', 'format'] },
  { keys: ['mse_search', 'mse', 'use_mse_search', 'enable_mse_search'] },
  { keys: ['full_range', 'use_full_range', 'enable_full_range'] },
  { keys: ['dataset', 'calib_dataset', 'calibration_dataset'] },
  { keys: ['overrides', 'dynamic', 'op_name_dict', 'quantized_layers'] },
];

export interface Meaning {
  readonly key: string;
  readonly value: unknown;
}

/** What a foreign key says in the words of `schema`; null when it has none, or when the value cannot be carried over. */
export function translate(key: string, value: unknown, schema: JsonSchema): Meaning | null {
  const known = Object.keys(schema.properties ?? {});
  for (const idea of IDEAS) {
    const inverted = idea.invert?.includes(key) ?? false;
    if (!inverted && !idea.keys.includes(key)) {
      continue;
    }
    const own = idea.keys.find((one) => known.includes(one));
    if (own !== undefined) {
      return inverted ? (typeof value === 'boolean' ? { key: own, value: !value } : null) : { key: own, value };
    }
    if (idea.keys[0] === 'bits' && known.includes('weight_format')) {
      const format = new Map<unknown, string>([
        [8, 'int8'],
        [4, 'uint4'],
        [3, 'uint3'],
        [2, 'uint2'],
      ]).get(value);
      return format === undefined ? null : { key: 'weight_format', value: format };
    }
  }
  return null;
}
