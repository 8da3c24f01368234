// The words of an FP8 config, as its parser lists them; it takes them in any case of letters.
import type { Fields } from '../fields.ts';

export const SOURCE = 'intel/neural-compressor neural_compressor/torch/algorithms/fp8_quant/_quant_common/quant_config.py :: Fp8cfg.parse';

export const MODES: readonly string[] = ['NONE', 'QUANTIZE', 'MEASURE', 'SHAPE', 'LOAD'];

/** Only with dynamic_quantization. */
export const DYNAMIC_METHODS: readonly string[] = ['ACT_MAXABS_PCS_POW2_WEIGHT_MAXABS_PTS_POW2_HW', 'MAXABS_PCS_POW2'];

const SCALE_METHODS: readonly string[] = [
  'UNIT_SCALE',
  'HW_ALIGNED_SINGLE_SCALE',
  'MAXABS_HW',
  'MAXABS_POW2',
  'MAXABS_ARBITRARY',
  'ACT_MAXABS_HW_WEIGHTS_PCS_MAXABS_POW2',
  'ACT_MAXABS_HW_WEIGHTS_PCS_OPT_POW2',
  'ACT_MAXABS_POW2_WEIGHTS_PCS_MAXABS_POW2',
  'ACT_MAXABS_POW2_WEIGHTS_PCS_OPT_POW2',
  'MAXABS_HW_OPT_WEIGHT',
  'MAXABS_POW2_OPT_WEIGHT',
  ...DYNAMIC_METHODS,
];

/** Keys whose value is one of a list. */
export const WORDS: Readonly<Record<string, readonly string[]>> = {
  mode: MODES,
  observer: ['SHAPE', 'MAXABS', 'MAXABS_PER_CHANNEL', 'SAVE'],
  scale_method: SCALE_METHODS,
  fp8_config: ['E4M3', 'E5M2'],
  hp_dtype: ['BF16', 'FP16', 'FP32'],
  scale_format: ['CONST', 'SCALAR'],
  measure_exclude: ['NONE', 'INPUT', 'OUTPUT', 'PARAMS', 'ALL'],
  device_for_scales: ['GAUDI2', 'GAUDI3'],
};

/** Keys that are true or false, written as JSON or as a Python word in quotes. */
export const FLAGS: readonly string[] = [
  'dynamic_quantization',
  'use_qdq',
  'fake_quant',
  'recalc_scales',
  'ignore_modules_wo_measures',
  'seperate_measure_files',
  'measure_on_hpu',
  'row_parallel_linear_allreduce_quantization',
  'int4_weights',
  'quantize_weight',
];

/** The one method of the file; null when it is another for every kind of module. */
export function scaleMethod(fields: Fields): string | null {
  return fields.text('scale_method')?.toUpperCase() ?? (fields.object('scale_method') === null ? 'MAXABS_HW' : null);
}

/** true, "True", "true". */
export function flag(fields: Fields, key: string): boolean {
  return fields.boolean(key) ?? fields.text(key)?.toLowerCase() === 'true';
}
