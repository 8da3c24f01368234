// Neural Compressor's FP8 config for Gaudi (maxabs_quant.json and the like, named by QUANT_CONFIG): recognised by its keys.
import { schema } from '../../generated/schema-inc-fp8.ts';
import { validate } from '../../generated/validate-inc-fp8.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject } from '../fields.ts';
import { lowerFp8 } from './lower.ts';

export const incFp8: ConfigFormat = {
  id: 'inc-fp8',
  title: 'Neural Compressor FP8 config',
  schema,
  validate,
  impliedRuntime: 'neural-compressor',
  describes: 'recipe',
  snippets: [
    {
      label: 'Measure',
      description: 'First step: run calibration data through the model and collect ranges.',
      value: {
        mode: 'MEASURE',
        observer: 'maxabs',
        allowlist: { types: [], names: [] },
        blocklist: { types: [], names: [] },
        dump_stats_path: './measurements/run',
      },
    },
    {
      label: 'Quantize',
      description: 'Second step: run in FP8 with the collected ranges; lm_head stays in bfloat16.',
      value: {
        mode: 'QUANTIZE',
        observer: 'maxabs',
        scale_method: 'maxabs_hw',
        allowlist: { types: [], names: [] },
        blocklist: { types: [], names: ['lm_head'] },
        dump_stats_path: './measurements/run',
      },
    },
    {
      label: 'Dynamic',
      description: 'Without measuring: scales of activations are computed while the model runs.',
      value: {
        mode: 'QUANTIZE',
        observer: 'maxabs',
        scale_method: 'act_maxabs_pcs_pow2_weight_maxabs_pts_pow2_hw',
        dynamic_quantization: true,
        scale_format: 'CONST',
        blocklist: { types: [], names: ['lm_head'] },
      },
    },
  ],
  match(_fileName, root) {
    const value = root?.value;
    if (!isObject(value)) {
      return null;
    }
    const has = (key: string): boolean => Object.hasOwn(value, key);
    const moded = typeof value['mode'] === 'string' && (has('scale_method') || has('fp8_config') || (has('observer') && has('dump_stats_path')));
    const scaled = has('scale_method') && (has('dump_stats_path') || has('observer') || has('scale_format'));
    return (moded || scaled) && !has('quant_method') && !has('passes') ? { path: [] } : null;
  },
  lower: lowerFp8,
  spell(field, value, { path }) {
    const types: Readonly<Record<string, string>> = { fp8_e4m3: 'E4M3', fp8_e5m2: 'E5M2' };
    const type = field === 'weights.dtype' ? types[String(value)] : undefined;
    return type === undefined ? [] : [{ kind: 'set', path: [...path, 'fp8_config'], value: type }];
  },
};
