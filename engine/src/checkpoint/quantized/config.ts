// What a model directory says about its own quantization: config.json `quantization_config`, or AutoGPTQ's older quantize_config.json.
// Parsed once at the boundary; layouts this engine cannot read are refused here by name.
import { join } from 'node:path';
import type { PackedBits } from '@quantwright/native/binding';
import type { ActivationRecipe } from '@quantwright/schemas/recipe/recipe';
import { EngineError } from '../../errors.ts';
import { defaultThreshold, parseActivations } from '../activations.ts';
import { isJsonObject, type JsonObject, readOptionalJsonObject } from '../json-file.ts';
import { quantwrightVersion } from '../layouts.ts';
import { limits } from '../limits.ts';
import { spell } from '../spell.ts';
import { type CompressedGroup, parseCompressedGroups } from './compressed-config.ts';
import { type Fp8Config, parseFp8 } from './fp8-config.ts';
import { type HqqConfig, parseHqq } from './hqq-config.ts';

export interface GptqConfig {
  readonly layout: 'gptq';
  /** v1 stores zero - 1, v2 stores zero. */
  readonly version: 1 | 2;
  readonly bits: PackedBits;
  readonly groupSize: number;
}
export interface AwqConfig {
  readonly layout: 'awq';
  readonly groupSize: number;
}
export interface BnbConfig {
  readonly layout: 'bitsandbytes';
  /** llm_int8_threshold; 0 where it is less, as bitsandbytes reads it. */
  readonly threshold: number;
}
export interface CompressedConfig {
  readonly layout: 'compressed-tensors';
  readonly groups: readonly CompressedGroup[];
}
export interface QuantwrightModuleConfig {
  readonly bits: PackedBits;
  readonly groupSize: number;
  readonly signed: boolean;
  /** Null: they stay in floating point. */
  readonly activations: ActivationRecipe | null;
}
/** A module whose weights are no affine codes (engine/src/kinds). */
export interface CodedModuleConfig {
  readonly kind: string;
  readonly settings: JsonObject;
}
export interface QuantwrightStored {
  readonly layout: 'quantwright';
  readonly file: string;
  of(module: string): QuantwrightModuleConfig | CodedModuleConfig;
}
export type StoredQuantization = GptqConfig | AwqConfig | BnbConfig | CompressedConfig | Fp8Config | HqqConfig | QuantwrightStored;

/** Files of AutoGPTQ and AutoAWQ, for models whose config.json says nothing. */
const OWN_FILES = [
  ['quantize_config.json', 'gptq'],
  ['quant_config.json', 'awq'],
] as const;

/** `config`: the parsed config.json. null = the model is not quantized. Throws kind `checkpoint`. */
export async function readQuantization(directory: string, config: JsonObject): Promise<StoredQuantization | null> {
  const inline = config['quantization_config'] ?? config['compression_config'];
  if (isJsonObject(inline)) return parseQuantization(inline, join(directory, 'config.json'));
  for (const [name, method] of OWN_FILES) {
    const file = join(directory, name);
    const older = await readOptionalJsonObject(file, limits.configBytes);
    if (older !== null) return parseQuantization({ quant_method: method, ...older }, file);
  }
  return null;
}

export function parseQuantization(config: JsonObject, file: string): StoredQuantization {
  const method = config['quant_method'];
  if (method === 'gptq') return parseGptq(config, file);
  if (method === 'awq') return parseAwq(config, file);
  if (method === 'bitsandbytes') return parseBnb(config, file);
  if (method === 'fp8' || method === 'fbgemm_fp8') return parseFp8(config, file);
  if (method === 'hqq') return parseHqq(config);
  if (method === 'compressed-tensors') return { layout: 'compressed-tensors', groups: parseCompressedGroups(config, file) };
  if (method === 'quantwright') return parseQuantwright(config, file);
  throw new EngineError(
    'checkpoint',
    `${file}: quant_method ${spell(method)} cannot be loaded; this engine reads gptq, awq, bitsandbytes, fp8, fbgemm_fp8, hqq, compressed-tensors and quantwright`,
    {
      file,
    },
  );
}

function parseGptq(config: JsonObject, file: string): GptqConfig {
  const format = config['checkpoint_format'] ?? 'gptq';
  if (format !== 'gptq' && format !== 'gptq_v2') {
    throw new EngineError('checkpoint', `${file}: checkpoint_format ${spell(format)} cannot be loaded; this engine reads gptq and gptq_v2`, { file });
  }
  return {
    layout: 'gptq',
    version: format === 'gptq' ? 1 : 2,
    bits: packedBits(config['bits'], [2, 3, 4, 8], 'bits', file),
    groupSize: groupSize(config['group_size'] ?? -1, 'group_size', file),
  };
}

/** Keys of transformers (bits, group_size, version or format) and of AutoAWQ's own file (w_bit, q_group_size). */
function parseAwq(config: JsonObject, file: string): AwqConfig {
  const version = String(config['version'] ?? config['format'] ?? 'gemm').toLowerCase();
  const bits = config['bits'] ?? config['w_bit'] ?? 4;
  if (version !== 'gemm' || bits !== 4) {
    throw new EngineError(
      'checkpoint',
      `${file}: AWQ version ${spell(version)} with ${spell(bits)} bits cannot be loaded; this engine reads gemm with 4 bits`,
      { file },
    );
  }
  return { layout: 'awq', groupSize: groupSize(config['group_size'] ?? config['q_group_size'] ?? 128, 'group_size', file) };
}

function parseBnb(config: JsonObject, file: string): BnbConfig {
  if (config['load_in_8bit'] !== true && config['load_in_4bit'] !== true) {
    throw new EngineError('checkpoint', `${file}: quantization_config of bitsandbytes says neither load_in_4bit nor load_in_8bit`, { file });
  }
  // Such weights lie in floats and are rounded before every product; nothing in the tensors would tell.
  if (config['load_in_8bit'] === true && config['llm_int8_has_fp16_weight'] === true) {
    const what = 'llm_int8_has_fp16_weight: the weights are kept in 16 bits, and no int8 codes are stored; quantize the original model, or load it without';
    throw new EngineError('checkpoint', `${file}: quantization_config of bitsandbytes has ${what}`, { file });
  }
  const threshold = config['llm_int8_threshold'] ?? defaultThreshold;
  if (typeof threshold !== 'number') {
    throw new EngineError('checkpoint', `${file}: llm_int8_threshold is ${spell(threshold)}; it must be a number`, { file });
  }
  return { layout: 'bitsandbytes', threshold: Math.max(0, threshold) };
}

function parseQuantwright(config: JsonObject, file: string): QuantwrightStored {
  if (config['version'] !== quantwrightVersion) {
    throw new EngineError('checkpoint', `${file}: quantwright layout version ${spell(config['version'])}; this engine reads version ${quantwrightVersion}`, {
      file,
    });
  }
  const defaults = parseModule(config, 'quantization_config', file);
  const modules = new Map<string, QuantwrightModuleConfig | CodedModuleConfig>();
  if (isJsonObject(config['modules'])) {
    for (const [module, own] of Object.entries(config['modules'])) {
      if (!isJsonObject(own)) throw new EngineError('checkpoint', `${file}: quantization_config.modules ${module} must be an object`, { file });
      // Settings of one kind say nothing of another.
      const kinds = [config['kind'] ?? 'affine', own['kind'] ?? 'affine'];
      modules.set(module, parseModule(kinds[0] === kinds[1] ? { ...config, ...own } : own, `modules ${module}`, file));
    }
  }
  return { layout: 'quantwright', file, of: (module) => modules.get(module) ?? defaults };
}

function parseModule(config: JsonObject, where: string, file: string): QuantwrightModuleConfig | CodedModuleConfig {
  const kind = config['kind'] ?? 'affine';
  if (typeof kind !== 'string') throw new EngineError('checkpoint', `${file}: ${where}: kind ${spell(kind)} must be a name`, { file });
  if (kind !== 'affine') return { kind, settings: config };
  const compute = config['compute_method'];
  if (compute !== 'weight_only' && compute !== 'activate_quant') {
    throw new EngineError('checkpoint', `${file}: ${where}: compute_method ${spell(compute)} must be weight_only or activate_quant`, { file });
  }
  return {
    bits: packedBits(config['bits'], [2, 3, 4, 5, 6, 7, 8], `${where}: bits`, file),
    groupSize: groupSize(config['group_size'], `${where}: group_size`, file),
    signed: config['signed'] === true,
    activations: compute === 'activate_quant' ? parseActivations(config['activations'], where, file) : null,
  };
}

/** One of the `widths` that a layout has. */
function packedBits(value: unknown, widths: readonly PackedBits[], where: string, file: string): PackedBits {
  const bits = widths.find((width) => width === value);
  if (bits !== undefined) return bits;
  throw new EngineError('checkpoint', `${file}: ${where} is ${spell(value)}; ${widths.slice(0, -1).join(', ')} and ${widths.at(-1)} can be loaded`, { file });
}

export function groupSize(value: unknown, where: string, file: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && (value === -1 || value > 0)) return value;
  throw new EngineError('checkpoint', `${file}: ${where} is ${spell(value)}; it must be -1 or a positive integer`, { file });
}
