// Opens a model directory: config.json, safetensors in any stored layout, tokenizer.json.
import { join } from 'node:path';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { readJsonObject } from '../checkpoint/json-file.ts';
import { limits } from '../checkpoint/limits.ts';
import { mapCheckpoint } from '../checkpoint/mapped.ts';
import { requireModelDirectory } from '../checkpoint/model-directory.ts';
import { readQuantization } from '../checkpoint/quantized/config.ts';
import { savedKvSetting } from '../kv/cache-of-setting.ts';
import { loadTokenizer } from '../text/tokenizer.ts';
import { parseModelConfig } from './config.ts';
import type { OpenModel } from './open.ts';
import { checkpointWeights } from './weights.ts';

/** Throws kind `input`, `io` or `checkpoint`. */
export async function openDirectory(directory: string): Promise<OpenModel> {
  await requireModelDirectory(directory);
  const configFile = join(directory, 'config.json');
  const json = await readJsonObject(configFile, limits.configBytes);
  const config = parseModelConfig(json, configFile);
  const quantization = await readQuantization(directory, json);
  const checkpoint = await openCheckpoint(directory);
  return {
    config,
    kvSetting: savedKvSetting(json, configFile),
    fileBytes: checkpoint.fileBytes,
    layout: quantization?.layout ?? null,
    cacheable: quantization === null ? null : checkpoint,
    weights: (binding, hooks) => {
      const mapped = mapCheckpoint(checkpoint, binding);
      return { ...checkpointWeights(mapped, quantization, binding, hooks), close: () => mapped.close() };
    },
    tokenizer: () => loadTokenizer(directory),
  };
}
