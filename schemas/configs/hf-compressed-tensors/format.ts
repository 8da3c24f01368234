// compressed-tensors in a model's config.json, as llm-compressor writes it.
import { schema } from '../../generated/schema-hf-compressed-tensors.ts';
import { validate } from '../../generated/validate-hf-compressed-tensors.ts';
import type { ConfigFormat } from '../config-format.ts';
import type { JsonObject } from '../fields.ts';
import { inspectPlace } from '../hf/inspect.ts';
import { placeOfMethod } from '../hf/place.ts';
import { lowerCompressedTensors } from './lower.ts';
import { snippets } from './snippets.ts';
import { spellCompressedTensors } from './spell.ts';

export const hfCompressedTensors: ConfigFormat = {
  id: 'hf-compressed-tensors',
  title: 'compressed-tensors quantization_config in config.json',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'checkpoint',
  snippets,
  match: (fileName, root) => placeOfMethod(fileName, root, ['compressed-tensors'], shaped),
  lower: lowerCompressedTensors,
  spell: spellCompressedTensors,
  inspect: inspectPlace,
};

/** ModelOpt's flat form has config_groups too. */
function shaped(config: JsonObject): boolean {
  return Object.hasOwn(config, 'config_groups') && !Object.hasOwn(config, 'quant_algo') && !Object.hasOwn(config, 'producer');
}
