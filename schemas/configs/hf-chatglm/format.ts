// ChatGLM's own quantization: quantization_bit at the top of config.json, read by the code that comes with the model. No quantization_config.
import { schema } from '../../generated/schema-hf-chatglm.ts';
import { validate } from '../../generated/validate-hf-chatglm.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { ConfigFormat, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf, isObject, type JsonObject } from '../fields.ts';
import { removeFix } from '../fixes.ts';

export const hfChatglm: ConfigFormat = {
  id: 'hf-chatglm',
  title: 'ChatGLM quantization_bit in config.json',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'checkpoint',
  snippets: [
    {
      label: 'ChatGLM 8 bits',
      description: 'Read by the code of ChatGLM-6B and ChatGLM2-6B; one scale a row',
      value: { model_type: 'chatglm', quantization_bit: 8, quantization_embeddings: false },
    },
  ],
  match(_fileName, root) {
    const value = root?.value;
    const own = isObject(value) && isChatglm(value) && Object.hasOwn(value, 'quantization_bit') && !isObject(value['quantization_config']);
    // 0 is how the code writes that nothing is quantized.
    return own && (value['quantization_bit'] !== 0 || value['quantization_embeddings'] === true) ? { path: [] } : null;
  },
  lower(value, path) {
    const fields = fieldsOf(value, path);
    for (const field of ['methods', 'scheme', 'weights', 'weights.bits', 'weights.dtype'] as const) {
      fields.origin(field, 'quantization_bit');
    }
    const bits = fields.integer('quantization_bit');
    const known = bits === 4 || bits === 8;
    return { recipe: known ? baseRecipe('hf-chatglm', 'chatglm', ['rtn'], { bits }) : null, origins: fields.origins(), problems: embeddings(fields, path) };
  },
  spell(field, value, { path }) {
    const bits = field === 'weights.bits' && (value === 4 || value === 8);
    return bits ? [{ kind: 'set', path: [...path, 'quantization_bit'], value }] : [];
  },
};

function isChatglm(config: JsonObject): boolean {
  const names = config['architectures'];
  const classes: readonly unknown[] = Array.isArray(names) ? names : [];
  return config['model_type'] === 'chatglm' || classes.some((name) => typeof name === 'string' && name.startsWith('ChatGLM'));
}

function embeddings(fields: Fields, path: JsonPath): readonly LowerProblem[] {
  if (fields.integer('quantization_bit') !== 0 || fields.boolean('quantization_embeddings') !== true) {
    return [];
  }
  const at = [...path, 'quantization_embeddings'];
  const message = 'quantization_embeddings does nothing while quantization_bit is 0: the model is loaded as it is, in silence.';
  return [{ code: 'QC013', path: at, severity: 'warning', message, source: 'THUDM/chatglm-6b modeling_chatglm.py', fixes: [removeFix(at)] }];
}
