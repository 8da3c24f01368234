// The files of a model that are no weights: copied beside the quantized weights so that the result is a whole model, and config.json with what was done.
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type KvSetting, kvSettingJson } from '@quantwright/schemas/kv/setting';
import { EngineError, fileError } from '../errors.ts';
import { kvConfigKey } from '../kv/cache-of-setting.ts';

/** Tokenizer, chat template and generation defaults; licences, because a derived model keeps its terms. Code (*.py) and the card of the original are not copied. */
const copiedFiles =
  /^(tokenizer.*|special_tokens_map\.json|added_tokens\.json|generation_config\.json|chat_template\.(json|jinja)|vocab\.(json|txt)|merges\.txt|.*\.tiktoken|sentencepiece.*|LICEN[CS]E.*|NOTICE.*)$/i;

/** Returns the names that were copied, sorted. */
export async function copyModelFiles(from: string, to: string): Promise<readonly string[]> {
  const entries = await readdir(from, { withFileTypes: true });
  const names = entries.filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && copiedFiles.test(entry.name)).map((entry) => entry.name);
  for (const name of names.sort()) {
    await copyFile(join(from, name), join(to, name)).catch((cause: unknown) => {
      throw fileError('copy', join(from, name), cause);
    });
  }
  return names;
}

/** Where transformers refuses what Python reads as an int. JSON.stringify writes 6.0 as 6. */
const wholeFloat = /("llm_int8_threshold": -?\d+)(?=,?\n)/;

/** The model's config.json with `quantization_config` set, or (null) without one, and how its keys and values are kept, where the job says; every other key stays where it is. */
export async function writeModelConfig(
  from: string,
  to: string,
  quantization: Readonly<Record<string, unknown>> | null,
  cache: KvSetting | null = null,
): Promise<void> {
  const file = join(from, 'config.json');
  const config: unknown = JSON.parse(
    await readFile(file, 'utf8').catch((cause: unknown) => {
      throw fileError('read', file, cause);
    }),
  );
  if (typeof config !== 'object' || config === null || Array.isArray(config)) throw new EngineError('checkpoint', `${file}: must hold a JSON object`, { file });
  const target = join(to, 'config.json');
  const written = {
    ...config,
    ...(quantization === null ? {} : { quantization_config: quantization }),
    ...(cache === null ? {} : { [kvConfigKey]: kvSettingJson(cache) }),
  };
  const text = JSON.stringify(written, null, 2).replace(wholeFloat, '$1.0');
  await writeFile(target, `${text}\n`).catch((cause: unknown) => {
    throw fileError('write', target, cause);
  });
}
