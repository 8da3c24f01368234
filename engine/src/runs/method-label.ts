// How a model was quantized, in the few words that a row of a table has: "gptq 4-bit g128". From what the model itself says of its weights.
import { join } from 'node:path';
import { isGgufPath } from '../checkpoint/gguf/file.ts';
import { isJsonObject, readOptionalJsonObject } from '../checkpoint/json-file.ts';
import { limits } from '../checkpoint/limits.ts';

/** `quantization`: of InspectReport. null: the model is not quantized. */
export async function methodLabel(path: string, quantization: string | null): Promise<string | null> {
  if (quantization === null) return null;
  const config = isGgufPath(path) ? null : await readOptionalJsonObject(join(path, 'config.json'), limits.configBytes);
  const written = config?.['quantization_config'] ?? config?.['compression_config'];
  const words = isJsonObject(written) ? written : {};
  const { weight_format: format, quant_method: method } = words as { readonly weight_format?: unknown; readonly quant_method?: unknown };
  const text =
    typeof format === 'string' && !quantization.includes(format) ? quantization.replace(String(method), `${String(method)} ${format}`) : quantization;
  return text.replace(/\bgroup (\d+)/g, 'g$1').trim() || 'quantized';
}
