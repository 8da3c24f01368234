// Neural Compressor 2.x: PostTrainingQuantConfig as JSON or YAML of any name, claimed only when several of its keys stand together.
import type { Edit } from '../../check/finding.ts';
import { schema } from '../../generated/schema-neural-compressor.ts';
import { validate } from '../../generated/validate-neural-compressor.ts';
import type { ConfigFormat } from '../config-format.ts';
import { isObject, type JsonObject } from '../fields.ts';
import { lowerPostTraining } from './lower.ts';
import { firstWeights } from './operators.ts';
import { snippets } from './snippets.ts';

/** Keys that no other format has. */
const RECIPES = ['smooth_quant', 'smooth_quant_args', 'layer_wise_quant', 'rtn_args', 'gptq_args', 'awq_args', 'teq_args', 'fast_bias_correction'];

export const neuralCompressor: ConfigFormat = {
  id: 'neural-compressor',
  title: 'Neural Compressor 2.x post-training quantization',
  schema,
  validate,
  impliedRuntime: 'neural-compressor',
  describes: 'recipe',
  snippets,
  match: (_fileName, root) => (isObject(root?.value) && isPostTraining(root.value) ? { path: [] } : null),
  lower: lowerPostTraining,
  spell(field, value, { value: config, path }) {
    const first = firstWeights(config, path);
    const set = (key: string, to: unknown): readonly Edit[] => (first === null ? [] : [{ kind: 'set', path: [...first.path, key], value: to }]);
    switch (field) {
      case 'weights.bits':
        return set('bits', value);
      case 'weights.groupSize':
        return set('group_size', value);
      case 'weights.symmetric':
        return set('scheme', value === true ? 'sym' : 'asym');
      default:
        return [];
    }
  },
};

function isPostTraining(value: JsonObject): boolean {
  const recipes = isObject(value['recipes']) ? value['recipes'] : {};
  const operators = ['op_type_dict', 'op_name_dict'].flatMap((key) => Object.values(isObject(value[key]) ? value[key] : {}));
  const quantized = operators.some((one) => isObject(one) && (isObject(one['weight']) || isObject(one['activation'])));
  const known = RECIPES.some((key) => Object.hasOwn(recipes, key));
  const approach = typeof value['approach'] === 'string';
  const settings = ['quant_level', 'quant_format', 'calibration_sampling_size', 'excluded_precisions'].some((key) => Object.hasOwn(value, key));
  return quantized || known || (approach && (settings || isObject(value['recipes'])));
}
