// A setting of the KV cache (schemas/kv/setting.ts) -> what a model's sessions are made with. What depends on the model is settled and checked here.
import type { KvCache } from '@quantwright/native/binding';
import { type KvSetting, parseKvSpec, readKvSetting } from '@quantwright/schemas/kv/setting';
import { isJsonObject } from '../checkpoint/json-file.ts';
import { EngineError } from '../errors.ts';
import { readKvquant } from './kvquant/file.ts';

/** What of a model a cache must fit. */
export interface KvModel {
  /** The model directory, or the GGUF file. */
  readonly directory: string;
  readonly headDim: number;
}

/** Where nothing is said. */
export const plainKvCache: KvSetting = { method: 'f32' };
/** Key of config.json: an object as `kv_cache` of a *.quant.json. Other runtimes pass it over. */
export const kvConfigKey = 'quantwright_kv_cache';

/** `text`: as `--kv-cache` has it. Throws kind `input` with what is allowed. */
export function kvSettingOf(text: string): KvSetting {
  const read = parseKvSpec(text);
  if ('setting' in read) return read.setting;
  throw new EngineError('input', read.problem);
}

/** What config.json says that chats and measurements keep their keys and values in; null: nothing. Throws kind `checkpoint`. */
export function savedKvSetting(config: Readonly<Record<string, unknown>>, file: string): KvSetting | null {
  const saved = config[kvConfigKey];
  // Whoever else writes such a key means something else by it.
  if (!isJsonObject(saved) || typeof saved['method'] !== 'string') return null;
  const { method, ...options } = saved;
  const read = readKvSetting(method, options);
  if ('setting' in read) return read.setting;
  throw new EngineError('checkpoint', `${file}: ${kvConfigKey}: ${read.problem}`, { file });
}

/** Throws kind `input` when the setting does not fit the model, or needs a calibration that is not saved with it. */
export async function kvCacheOf(setting: KvSetting, { directory, headDim }: KvModel): Promise<KvCache> {
  switch (setting.method) {
    case 'f32':
    case 'f16':
      return setting.method;
    case 'int8':
      return { kind: 'token', bits: 8 };
    case 'uint4':
      return { kind: 'token', bits: 4 };
    case 'fp8':
      return { kind: 'token', bits: 8, floating: true };
    case 'kivi': {
      const { keyBits, valueBits, residualLength, quantizePrefill } = setting;
      const groupSize = setting.groupSize ?? usualGroup(64, headDim, residualLength);
      return { kind: 'kivi', keyBits, valueBits, groupSize: fitting(groupSize, headDim, directory), residualLength, quantizePrefill };
    }
    case 'qrazor': {
      const groupSize = setting.groupSize ?? usualGroup(32, headDim, headDim);
      return { kind: 'qrazor', bits: 4, baseBits: setting.baseBits, groupSize: fitting(groupSize, headDim, directory) };
    }
    case 'kvquant':
      return readKvquant(directory, { bits: setting.bits ?? 4 });
  }
}

/** The largest of the usual groups up to `most` that both are multiples of. */
function usualGroup(most: number, headDim: number, length: number): number {
  return [64, 32, 16].find((size) => size <= most && headDim % size === 0 && length % size === 0) ?? headDim;
}

function fitting(groupSize: number, headDim: number, directory: string): number {
  if (headDim % groupSize === 0 || groupSize >= headDim) return groupSize;
  const divisors = [16, 32, 64, 128, 256].filter((size) => headDim % size === 0);
  throw new EngineError(
    'input',
    `group_size ${groupSize} of the KV cache does not divide the ${headDim} channels of a head of ${directory}; use ${[...new Set([...divisors, headDim])].join(' or ')}`,
    { file: directory },
  );
}
