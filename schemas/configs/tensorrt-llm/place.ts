// A TensorRT-LLM checkpoint's config.json: `architecture` (one name, unlike transformers' list) beside `quantization`.
import { isObject, type JsonObject } from '../fields.ts';

export function isTensorRtCheckpoint(file: JsonObject): boolean {
  return isObject(file['quantization']) && typeof file['architecture'] === 'string' && (typeof file['dtype'] === 'string' || isObject(file['mapping']));
}
