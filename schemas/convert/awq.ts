// AWQ: quant_config.json of AutoAWQ <-> quantization_config of config.json, and recipes of ours that AutoAWQ can run.
// Source of the keys: casper-hansen/AutoAWQ awq/models/_config.py :: AwqConfig; huggingface/transformers src/transformers/utils/quantization_config.py :: AwqConfig.
import type { JsonObject } from '../configs/fields.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Converter, Draft, Source } from './conversion.ts';
import { partOfName } from './names.ts';

const BLOCK_VERSIONS = ['gemm', 'gemv', 'gemv_fast', 'llm-awq'];
const FILE_VERSIONS = ['gemm', 'gemv', 'gemv_fast', 'marlin'];

const NAMES =
  'modules_to_not_convert is copied, but read in another way: AutoAWQ looks for its entries anywhere in the name of a module, transformers at its beginning and end.';

export const awqBlock: Converter = {
  id: 'awq-block',
  title: 'Convert to quantization_config (AWQ)',
  convert: (source) => (source.path.length > 0 || inBlockWords(source) ? null : draft(source, { kind: 'block' }, BLOCK_VERSIONS, blockSettings)),
};

export const awqFile: Converter = {
  id: 'awq-file',
  title: 'Convert to quant_config.json (AutoAWQ)',
  convert(source) {
    const file = source.recipe.scheme === 'awq' && !inBlockWords(source) && source.format.id !== 'quantwright';
    return file ? null : draft(source, { kind: 'file', name: 'quant_config.json' }, FILE_VERSIONS, fileSettings);
  },
};

/** `bits` and `group_size` are the words of config.json; the file says w_bit and q_group_size. */
function inBlockWords({ value, recipe }: Source): boolean {
  return recipe.scheme === 'awq' && ['bits', 'group_size'].some((key) => Object.hasOwn(value, key));
}

/** `versions`: the layouts that the other reader has; weights in another one stay with the file that they have. */
function draft(
  source: Source,
  destination: Draft['destination'],
  versions: readonly string[],
  settings: (recipe: Recipe, skipped: readonly string[] | null) => JsonObject,
): Draft | null {
  const { recipe, value, format } = source;
  const written = value['modules_to_not_convert'];
  if (!versions.includes(version(recipe))) {
    return null;
  }
  if (format.describes === 'checkpoint' && recipe.scheme === 'awq') {
    // The names are the same in both files, so they are taken as they stand.
    const skipped = Array.isArray(written) ? written.filter((name) => typeof name === 'string') : null;
    return { destination, value: settings(recipe, skipped), carried: ['modules_to_not_convert'], names: NAMES };
  }
  const made = format.id === 'quantwright' && recipe.methods.join() === 'awq' && recipe.weights.bits === 4 && recipe.weights.dtype === 'int';
  const skipped = recipe.ignore.map(partOfName).filter((name) => name !== null);
  return made ? { destination, value: settings(recipe, skipped.length === 0 ? null : skipped), carried: [] } : null;
}

function blockSettings(recipe: Recipe, skipped: readonly string[] | null): JsonObject {
  const { bits, groupSize, symmetric } = recipe.weights;
  return { quant_method: 'awq', bits, group_size: groupSize, zero_point: !symmetric, version: version(recipe), modules_to_not_convert: skipped };
}

function fileSettings(recipe: Recipe, skipped: readonly string[] | null): JsonObject {
  const { bits, groupSize, symmetric } = recipe.weights;
  return { quant_method: 'awq', zero_point: !symmetric, q_group_size: groupSize, w_bit: bits, version: version(recipe), modules_to_not_convert: skipped };
}

function version({ scheme, variant }: Recipe): string {
  return scheme === 'awq' ? (variant ?? 'gemm') : 'gemm';
}
