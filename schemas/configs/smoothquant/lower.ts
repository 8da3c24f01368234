// Settings of SmoothQuant -> Recipe (8-bit weights and activations), and mappings that cannot be read.
// Source: mit-han-lab/smoothquant smoothquant/{ppl_eval,fake_quant}.py; vllm-project/llm-compressor SmoothQuantModifier.
import { baseRecipe } from '../../recipe/base-recipe.ts';
import { startAnchored } from '../../recipe/module-weights.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import type { Lowered, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { removeFix, setFix } from '../fixes.ts';
import { fromPython } from '../hf/module-patterns.ts';

const MODIFIER = 'vllm-project/llm-compressor src/llmcompressor/modifiers/transform/smoothquant/base.py :: SmoothQuantModifier';
const SCRIPT = 'mit-han-lab/smoothquant smoothquant/ppl_eval.py';

export function lowerSmoothQuant(value: unknown, path: JsonPath): Lowered {
  const fields = fieldsOf(value, path);
  for (const field of ['methods', 'scheme', 'variant'] as const) {
    fields.origin(field, 'alpha', 'smoothing_strength');
  }
  for (const field of ['weights', 'weights.bits', 'weights.dtype', 'weights.groupSize', 'weights.symmetric'] as const) {
    fields.origin(field, 'weight_quant', 'quantize');
  }
  fields.origin('activations', 'act_quant', 'quantize');
  fields.origin('computeMethod', 'act_quant', 'quantize');
  fields.origin('calibration', 'num_samples', 'dataset_path');
  return { recipe: recipeOf(fields), origins: fields.origins(), problems: [...strengths(fields, path), ...mappings(fields, path)] };
}

/** Null when the model is only smoothed. `ignore` leaves layers unsmoothed, not in floating point. */
function recipeOf(fields: Fields): Recipe | null {
  if (fields.boolean('quantize') === false) {
    return null;
  }
  return {
    ...baseRecipe('smoothquant', 'smoothquant', ['smoothquant'], { bits: 8 }),
    activations: {
      dtype: 'int',
      bits: 8,
      symmetric: true,
      granularity: fields.text('act_quant') === 'per_tensor' ? 'per_tensor' : 'per_token',
      dynamic: true,
    },
    computeMethod: 'activate_quant',
    calibration: { dataset: fields.text('dataset_path'), samples: fields.integer('num_samples') ?? 512, sequenceLength: fields.integer('seq_len') ?? 512 },
  };
}

/** Two names for one number, and a number that nothing reads. */
function strengths(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const [alpha, strength] = [fields.number('alpha'), fields.number('smoothing_strength')];
  if (alpha !== null && strength !== null && alpha !== strength) {
    const at = [...path, 'alpha'];
    const message = `alpha ${alpha} and smoothing_strength ${strength} are two names of one setting: the scripts of SmoothQuant read the first, llm-compressor the second.`;
    return [{ code: 'QC013', path: at, severity: 'warning', message, source: MODIFIER, fixes: [removeFix(at)] }];
  }
  if (alpha !== null && fields.boolean('smooth') === false) {
    const at = [...path, 'smooth'];
    const message = 'alpha is not read without smooth: the model is quantized as it is, in silence.';
    return [{ code: 'QC013', path: at, severity: 'warning', message, source: SCRIPT, fixes: [setFix(at, true)] }];
  }
  return [];
}

function mappings(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  const list = fields.value['mappings'];
  return (Array.isArray(list) ? list : []).flatMap((pair: unknown, index): readonly LowerProblem[] => {
    const at = [...path, 'mappings', index];
    // An object names its members, and the schema tells of anything else.
    if (!Array.isArray(pair)) {
      return [];
    }
    const [layers, norm]: readonly unknown[] = pair;
    const texts = (Array.isArray(layers) ? layers : [layers]) as readonly unknown[];
    if (pair.length !== 2 || typeof norm !== 'string' || texts.length === 0 || texts.some((text) => typeof text !== 'string')) {
      const message = 'A mapping is a pair: the list of layers to smooth, and the norm before them, as in [["re:.*q_proj"], "re:.*input_layernorm"].';
      return [{ code: 'QC013', path: at, on: 'value', message, source: MODIFIER, fixes: [{ ...removeFix(at), title: 'Remove the mapping' }] }];
    }
    return [...texts, norm].flatMap((text) => unreadable(text, at));
  });
}

function unreadable(text: unknown, at: JsonPath): readonly LowerProblem[] {
  if (typeof text !== 'string' || !text.startsWith('re:') || startAnchored(fromPython(text.slice(3))) !== null) {
    return [];
  }
  const message = `${JSON.stringify(text.slice(3))} is not a regular expression, so that the mapping finds no layers.`;
  return [{ code: 'QC025', path: at, on: 'value', message, source: MODIFIER, fixes: [{ ...removeFix(at), title: 'Remove the mapping' }] }];
}
