// The config groups of a compressed-tensors model: which modules they name, and how weights and activations are stored.
import { runInNewContext } from 'node:vm';
import type { PackedBits } from '@quantwright/native/binding';
import type { ActivationRecipe } from '@quantwright/schemas/recipe/recipe';
import { EngineError } from '../../errors.ts';
import { activationProblem } from '../activations.ts';
import { isJsonObject, type JsonObject } from '../json-file.ts';
import { spell } from '../spell.ts';
import type { ScaleBlock } from './fp8.ts';
import { parseBlock } from './fp8-config.ts';

export interface CompressedGroup {
  /** Class names (`Linear`), module names, or `re:` regular expressions. */
  readonly targets: readonly string[];
  readonly bits: PackedBits;
  /** -1 = per channel. */
  readonly groupSize: number;
  /** Null: they stay in floating point. */
  readonly activations: ActivationRecipe | null;
  /** 8-bit floats: rows and columns that share a scale; null = the tensor or its rows. */
  readonly scaleBlock: ScaleBlock | null;
}

/** Layouts that hold their codes as this engine reads them; naive-quantized is an older name of int- and float-quantized. */
const formats: readonly unknown[] = [undefined, 'int-quantized', 'pack-quantized', 'float-quantized', 'naive-quantized', 'mixed-precision'];

/** Throws kind `checkpoint` for weights that are neither integers nor 8-bit floats, and for activations that no kernel quantizes so. */
export function parseCompressedGroups(config: JsonObject, file: string): readonly CompressedGroup[] {
  const format = config['format'];
  if (!formats.includes(format)) throw refused(file, `format ${spell(format)}`, 'this engine reads int-quantized, pack-quantized and float-quantized');
  const groups = config['config_groups'];
  if (!isJsonObject(groups)) throw refused(file, 'a missing "config_groups"', 'it must be an object of groups');
  return Object.entries(groups).map(([name, group]) => parseGroup(group, name, file));
}

/** The first group whose targets name `module`; a linear also matches the class name `Linear`. */
export function groupOf(groups: readonly CompressedGroup[], module: string): CompressedGroup | undefined {
  return groups.find((group) => group.targets.some((target) => targets(target, module))) ?? groups.find((group) => group.targets.includes('Linear'));
}

/** Published patterns are shorter. */
const patternLength = 500;
/** A pattern from a downloaded config can be made to backtrack for years; an honest one needs microseconds for a module name. */
const patternMilliseconds = 200;

function targets(target: string, module: string): boolean {
  if (!target.startsWith('re:')) return target === module;
  try {
    return runInNewContext('pattern.test(module)', { pattern: new RegExp(`^(?:${target.slice(3)})`), module }, { timeout: patternMilliseconds }) === true;
  } catch (cause) {
    throw new EngineError(
      'checkpoint',
      `quantization_config: target ${target} takes longer than ${patternMilliseconds} ms on ${module}; write a simpler pattern`,
      { tensor: module, cause },
    );
  }
}

function parseGroup(group: unknown, name: string, file: string): CompressedGroup {
  const where = `config_groups ${name}`;
  if (!isJsonObject(group) || !isJsonObject(group['weights']))
    throw refused(file, `${where} without "weights"`, 'each group must say how its weights are stored');
  const weights = group['weights'];
  const type = weights['type'] ?? 'int';
  const bits = weights['num_bits'];
  if (type === 'float' && bits === 8) {
    // What input_activations say is left out: activations stay float.
    const scaleBlock = weights['strategy'] === 'block' ? parseBlock(weights['block_structure'], `${where}: block_structure`, file) : null;
    return { targets: parseTargets(group['targets'], where, file), bits, groupSize: -1, activations: null, scaleBlock };
  }
  if (type !== 'int') throw refused(file, `${where}: ${spell(bits)}-bit weights of type ${spell(type)}`, 'this engine reads integers and 8-bit floats');
  if (!isPackedBits(bits)) throw refused(file, `${where}: num_bits ${spell(bits)}`, '2 to 8 can be loaded');
  const size = weights['group_size'] ?? -1;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || (size !== -1 && size <= 0))
    throw refused(file, `${where}: group_size ${spell(size)}`, 'it must be -1, null or a positive integer');
  return {
    targets: parseTargets(group['targets'], where, file),
    bits,
    groupSize: size,
    activations: parseInputs(group['input_activations'], where, file),
    scaleBlock: null,
  };
}

function isPackedBits(bits: unknown): bits is PackedBits {
  return typeof bits === 'number' && Number.isInteger(bits) && bits >= 2 && bits <= 8;
}

function parseTargets(value: unknown, where: string, file: string): string[] {
  if (!Array.isArray(value)) return ['Linear'];
  return value.map((target: unknown) => {
    if (typeof target !== 'string' || target.length > patternLength)
      throw refused(file, `${where}: target ${spell(target)}`, `it must be a string of at most ${patternLength} characters`);
    if (target.startsWith('re:')) {
      try {
        new RegExp(target.slice(3));
      } catch (cause) {
        throw refused(file, `${where}: target ${target}`, `it is not a regular expression: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
    }
    return target;
  });
}

function parseInputs(value: unknown, where: string, file: string): ActivationRecipe | null {
  if (!isJsonObject(value)) return null;
  const { type = 'int', num_bits: bits, dynamic, strategy, symmetric = true } = value;
  // `local` is dynamic, too, with statistics of its own for every group.
  if (type === 'int' && typeof bits === 'number' && typeof symmetric === 'boolean') {
    const dynamicToken = dynamic === true && strategy === 'token';
    if (dynamicToken || ((dynamic === false || dynamic === undefined) && strategy === 'tensor')) {
      const rule = symmetric ? 'dashinfer' : 'affine';
      const recipe: ActivationRecipe = { bits, symmetric, granularity: dynamicToken ? 'per_token' : 'per_tensor', dynamic: dynamicToken, rule };
      if (activationProblem(recipe) === null) return recipe;
    }
  }
  throw refused(
    file,
    `${where}: input_activations {type: ${spell(type)}, num_bits: ${spell(bits)}, dynamic: ${spell(dynamic)}, strategy: ${spell(strategy)}, symmetric: ${spell(symmetric)}}`,
    'this engine runs integers of 2 to 8 bits, dynamic per token or with one scale for the tensor',
  );
}

function refused(file: string, what: string, why: string): EngineError {
  return new EngineError('checkpoint', `${file}: quantization_config: ${what} cannot be loaded: ${why}`, { file });
}
