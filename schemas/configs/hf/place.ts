// Where a Hugging Face quantization config stands: a member of config.json, or a file of its own (quantization_config.json, fragments).
import type { ConfigNode } from '../../document/node.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import { isObject, type JsonObject } from '../fields.ts';
import { baseName } from '../file-name.ts';

/** Members of config.json in which tools look for it, in the order in which they do; compression_config is llm-compressor's old name. */
const PLACES: readonly (readonly string[])[] = [
  ['quantization_config'],
  ['text_config', 'quantization_config'],
  ['llm_config', 'quantization_config'],
  ['thinker_config', 'quantization_config'],
  ['compression_config'],
  ['text_config', 'compression_config'],
];

export interface HfPlace {
  readonly path: JsonPath;
  readonly config: JsonObject;
}

/**
 * Every place of the file that holds a quantization config: first those of a config.json (the file's name, or any JSON file of a model,
 * which has `model_type` or `architectures`), else the whole file when it names a `quant_method` itself.
 */
export function hfPlaces(fileName: string, root: ConfigNode | null): readonly HfPlace[] {
  const value = root?.value;
  if (!isObject(value) || baseName(fileName).endsWith('.quant.json')) {
    return [];
  }
  const inside = PLACES.flatMap((path) => {
    const config = at(value, path);
    return isObject(config) ? [{ path, config }] : [];
  });
  if (inside.length > 0) {
    const ofModel = baseName(fileName) === 'config.json' || Object.hasOwn(value, 'model_type') || Object.hasOwn(value, 'architectures');
    return ofModel || Object.keys(value).length === 1 ? inside : [];
  }
  return typeof value['quant_method'] === 'string' ? [{ path: [], config: value }] : [];
}

/** The place whose config names one of `methods` (as written, capitals included), or that `shaped` recognises without a method. */
export function placeOfMethod(
  fileName: string,
  root: ConfigNode | null,
  methods: readonly string[],
  shaped: (config: JsonObject) => boolean = () => false,
): { readonly path: JsonPath } | null {
  const found = hfPlaces(fileName, root).find(({ config }) => {
    const method = config['quant_method'];
    return typeof method === 'string' ? methods.includes(method) : shaped(config);
  });
  return found === undefined ? null : { path: found.path };
}

function at(value: JsonObject, path: readonly string[]): unknown {
  return path.reduce<unknown>((object, key) => (isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined), value);
}
