// GPTQ: quantize_config.json of AutoGPTQ and GPTQModel <-> quantization_config of config.json, and recipes of ours that are saved in this layout.
// The two files share their keys but not their defaults (desc_act, group_size, damp_percent), so what a reader would fill is written out.
import type { JsonObject } from '../configs/fields.ts';
import { findFormat } from '../configs/registry.ts';
import type { ModuleOverride, Recipe } from '../recipe/recipe.ts';
import type { Converter, Draft, Source } from './conversion.ts';

const SYNONYMS: Readonly<Record<string, string>> = { w_bit: 'bits', wbits: 'bits', q_group_size: 'group_size', groupsize: 'group_size' };

export const gptqBlock: Converter = {
  id: 'gptq-block',
  title: 'Convert to quantization_config (GPTQ)',
  convert: (source) => (source.path.length > 0 ? null : draft(source, { kind: 'block' }, 'hf-gptq')),
};

export const gptqFile: Converter = {
  id: 'gptq-file',
  title: 'Convert to quantize_config.json (GPTQ)',
  convert(source) {
    const ours = source.recipe.scheme === 'gptq' && source.format.id !== 'quantwright' && source.path.length === 0;
    return ours ? null : draft(source, { kind: 'file', name: 'quantize_config.json' }, 'gptq-quantize-config');
  },
};

function draft(source: Source, destination: Draft['destination'], format: string): Draft | null {
  const { recipe } = source;
  if (source.format.describes === 'checkpoint' && recipe.scheme === 'gptq') {
    return copied(source, destination, format);
  }
  const made = source.format.id === 'quantwright' && (recipe.saveFormat === 'gptq' || recipe.saveFormat === 'gptq_v2') && recipe.activations === null;
  return made ? { destination, value: gptqSettings(recipe), carried: [] } : null;
}

/** The same keys, without those that the other file does not know. */
function copied({ value, recipe }: Source, destination: Draft['destination'], format: string): Draft {
  const known = findFormat(format)?.schema.properties ?? {};
  const entries = Object.entries(value)
    .map(([key, said]) => ({ from: key, to: SYNONYMS[key] ?? key, said }))
    .filter(({ to }) => Object.hasOwn(known, to) && to !== 'quant_method');
  const { bits, groupSize, descAct, symmetric } = recipe.weights;
  const filled = { bits, group_size: groupSize, desc_act: descAct, sym: symmetric, damp_percent: recipe.dampPercent };
  return {
    destination,
    value: { quant_method: 'gptq', ...filled, ...Object.fromEntries(entries.map(({ to, said }) => [to, said])) },
    carried: entries.map(({ from }) => from),
  };
}

/** Settings of a checkpoint that our engine writes for the recipe, or that another tool would. */
function gptqSettings(recipe: Recipe): JsonObject {
  const { bits, groupSize, descAct, symmetric } = recipe.weights;
  const dynamic = Object.fromEntries([
    ...recipe.ignore.map((pattern) => [`-:${pattern}`, {}] as const),
    ...recipe.overrides.flatMap(({ pattern, weights }) =>
      weights.dtype === undefined || weights.dtype === 'int' ? [[pattern, override(weights)] as const] : [],
    ),
  ]);
  return {
    quant_method: 'gptq',
    bits,
    group_size: groupSize,
    desc_act: descAct,
    sym: symmetric,
    damp_percent: recipe.dampPercent,
    ...(recipe.methods.includes('gptq') ? { true_sequential: recipe.trueSequential } : {}),
    ...(recipe.weights.staticGroups ? { static_groups: true } : {}),
    checkpoint_format: recipe.saveFormat === 'gptq_v2' ? 'gptq_v2' : 'gptq',
    ...(recipe.lmHead === true ? { lm_head: true } : {}),
    ...(Object.keys(dynamic).length === 0 ? {} : { dynamic }),
  };
}

function override({ bits, groupSize, symmetric, descAct }: ModuleOverride['weights']): JsonObject {
  return {
    ...(bits === undefined ? {} : { bits }),
    ...(groupSize === undefined ? {} : { group_size: groupSize }),
    ...(symmetric === undefined ? {} : { sym: symmetric }),
    ...(descAct === undefined ? {} : { desc_act: descAct }),
  };
}
