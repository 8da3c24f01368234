// SINQ in config.json: scales for rows and columns.
import { schema } from '../../generated/schema-hf-sinq.ts';
import { validate } from '../../generated/validate-hf-sinq.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { methodFormat, numberAt } from '../hf/method-format.ts';

export const hfSinq: ConfigFormat = methodFormat({
  id: 'hf-sinq',
  title: 'SINQ quantization_config in config.json',
  methods: ['sinq'],
  schema,
  validate,
  snippets: [
    {
      label: 'SINQ 4 bits',
      description: 'No calibration; one GPU',
      value: { quant_method: 'sinq', nbits: 4, group_size: 64, tiling_mode: '1D', method: 'sinq', modules_to_not_convert: ['lm_head'] },
    },
  ],
  origins: { weights: ['nbits'], 'weights.bits': ['nbits'], 'weights.groupSize': ['group_size'], variant: ['method'] },
  recipe(fields) {
    const bits = fields.integer('nbits') ?? (fields.broken('nbits', null) ? null : 4);
    const groupSize = fields.integer('group_size') ?? (fields.broken('group_size', null) ? null : 64);
    return bits === null || bits < 1 || bits > 8 || groupSize === null || groupSize < 1
      ? null
      : {
          ...baseRecipe('hf-sinq', 'sinq', ['sinq'], { bits, groupSize, signed: false, symmetric: false, zeroPoint: 'float' }),
          variant: (fields.text('method') ?? 'sinq').toLowerCase(),
        };
  },
  problems(fields, path) {
    const size = fields.integer('group_size');
    if (size === null || size < 1 || size % 8 === 0) {
      return [];
    }
    const near = Math.max(8, Math.round(size / 8) * 8);
    return [
      {
        code: 'QC013',
        severity: 'warning',
        path: [...path, 'group_size'],
        message: `group_size ${size} is no multiple of 8. transformers warns: "SINQ: group_size=${size} is not a multiple of 8; this may be rejected by the backend."`,
        source: 'huggingface/transformers src/transformers/utils/quantization_config.py :: SinqConfig',
        fixes: [{ title: `Set "group_size" to ${near}`, edits: [{ kind: 'set', path: [...path, 'group_size'], value: near }], preferred: true }],
        on: 'value',
      },
    ];
  },
  spellings: {
    'weights.bits': numberAt('nbits'),
    'weights.groupSize': { path: ['group_size'], write: (size) => (typeof size === 'number' && size > 0 ? size : null) },
  },
});
