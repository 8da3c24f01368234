// HIGGS in config.json: rotated weights on a grid.
import { schema } from '../../generated/schema-hf-higgs.ts';
import { validate } from '../../generated/validate-hf-higgs.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { ConfigFormat } from '../config-format.ts';
import { methodFormat, numberAt } from '../hf/method-format.ts';

export const hfHiggs: ConfigFormat = methodFormat({
  id: 'hf-higgs',
  title: 'HIGGS quantization_config in config.json',
  methods: ['higgs'],
  schema,
  validate,
  snippets: [
    {
      label: 'HIGGS 4 bits',
      description: 'No calibration; NVIDIA GPUs',
      value: { quant_method: 'higgs', bits: 4, p: 2, group_size: 256, hadamard_size: 512, modules_to_not_convert: ['lm_head'] },
    },
  ],
  origins: { weights: ['bits'], 'weights.bits': ['bits'], 'weights.dtype': ['p'], 'weights.groupSize': ['group_size'] },
  recipe(fields) {
    const bits = fields.integer('bits') ?? (fields.broken('bits', null) ? null : 4);
    // Inputs are padded to hadamard_size, so that no width of a layer is refused for its groups: the recipe names none.
    return bits === null || bits < 2 || bits > 4 ? null : baseRecipe('hf-higgs', 'higgs', ['higgs'], { dtype: 'codebook', bits });
  },
  problems(fields, path) {
    const hadamard = fields.integer('hadamard_size') ?? 512;
    const group = fields.integer('group_size') ?? 256;
    if (group < 1 || hadamard < 1 || hadamard % group === 0) {
      return [];
    }
    const fitting = [256, 128, 64].find((size) => hadamard % size === 0);
    const key = fitting === undefined ? 'hadamard_size' : 'group_size';
    const value = fitting ?? 512;
    return [
      {
        code: 'QC013',
        path: [...path, fields.value['hadamard_size'] === undefined ? 'group_size' : 'hadamard_size'],
        message: `hadamard_size ${hadamard} is no multiple of group_size ${group}. transformers: "hadamard_size must be divisible by group_size".`,
        source: 'huggingface/transformers src/transformers/utils/quantization_config.py :: HiggsConfig',
        fixes: [{ title: `Set "${key}" to ${value}`, edits: [{ kind: 'set', path: [...path, key], value }], preferred: true }],
        on: 'value',
      },
    ];
  },
  spellings: { 'weights.bits': numberAt('bits', [2, 3, 4]) },
});
