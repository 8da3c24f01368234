// The `quantization` member of hf_quant_config.json and of TensorRT-LLM checkpoints -> Recipe. Layers of mixed precision are taken together by their
// settings, since files of mixture models have an entry for every expert.
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { ModuleOverride, Recipe, WeightRecipe } from '../../recipe/recipe.ts';
import type { Lowered, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf, isObject, type JsonObject } from '../fields.ts';
import { globPattern, namesPattern } from './module-globs.ts';
import { type Algorithm, findAlgorithm, isGrouped, kvCacheOf } from './quant-algo.ts';

const SOURCE = 'NVIDIA/Model-Optimizer modelopt/torch/export/quant_utils.py';
/** Beyond this many names one expression for all is faster than one for each. */
const MANY_NAMES = 400;

export function lowerModelopt(format: string, value: unknown, path: JsonPath): Lowered {
  const fields = fieldsOf(value, path);
  recordOrigins(fields);
  const problems: LowerProblem[] = [];
  const layers = fields.object('quantized_layers') ?? {};
  const mixed = fields.text('quant_algo') === 'MIXED_PRECISION';
  if (!mixed && Object.keys(layers).length > 0) {
    problems.push(layersWithoutMixed(fields, path));
  }
  const excluded = fields.texts('exclude_modules');
  const ignore = excluded.length > MANY_NAMES ? [namesPattern(excluded)] : excluded.map(globPattern);
  const parts = mixed ? mixedParts(layers, path, problems) : plainParts(fields, path, problems);
  if (parts === null) {
    return { recipe: null, origins: fields.origins(), problems };
  }
  const recipe: Recipe = {
    ...baseRecipe(format, format, parts.algorithm.methods, parts.weights),
    variant: fields.text('quant_algo'),
    activations: parts.algorithm.activations,
    computeMethod: parts.algorithm.computeMethod,
    overrides: parts.overrides,
    ignore: [...ignore, ...parts.unlisted],
    kvCache: kvCacheOf(fields.text('kv_cache_quant_algo')),
  };
  return { recipe, origins: fields.origins(), problems };
}

function recordOrigins(fields: Fields): void {
  for (const field of ['scheme', 'variant', 'methods', 'weights', 'weights.bits', 'weights.dtype', 'weights.block', 'activations', 'computeMethod'] as const) {
    fields.origin(field, 'quant_algo');
  }
  fields.origin('weights.groupSize', 'group_size', 'quant_algo');
  fields.origin('weights.symmetric', 'has_zero_point', 'quant_algo');
  fields.origin('ignore', 'exclude_modules');
  fields.origin('overrides', 'quantized_layers');
  fields.origin('kvCache', 'kv_cache_quant_algo');
}

interface Parts {
  readonly algorithm: Algorithm;
  readonly weights: WeightRecipe;
  readonly overrides: readonly ModuleOverride[];
  /** With mixed precision: what no entry names stays in floating point. */
  readonly unlisted: readonly string[];
}

function plainParts(fields: Fields, path: JsonPath, problems: LowerProblem[]): Parts | null {
  const algorithm = findAlgorithm(fields.text('quant_algo'));
  if (algorithm === null) {
    return null;
  }
  const wrong = wrongGroup(algorithm, fields);
  if (wrong !== null) {
    problems.push(groupProblem(String(fields.text('quant_algo')), wrong, algorithm, [...path, 'group_size']));
  }
  return { algorithm, weights: weightsOf(algorithm, fields), overrides: [], unlisted: [] };
}

interface Setting {
  readonly name: string;
  readonly algorithm: Algorithm;
  readonly fields: Fields;
  readonly names: string[];
}

function mixedParts(layers: Readonly<Record<string, unknown>>, path: JsonPath, problems: LowerProblem[]): Parts | null {
  const settings = new Map<string, Setting>();
  let last: { readonly layer: JsonObject; readonly setting: Setting } | null = null;
  for (const name of Object.keys(layers)) {
    const given = layers[name];
    const layer = isObject(given) ? given : {};
    if (last !== null && sameSetting(last.layer, layer)) {
      last.setting.names.push(name);
      continue;
    }
    const fields = fieldsOf(layer, []);
    const algorithm = findAlgorithm(fields.text('quant_algo'));
    const key = JSON.stringify([fields.value['quant_algo'], groupOf(fields), fields.value['has_zero_point']]);
    const known = settings.get(key);
    const setting = known ?? (algorithm === null ? null : { name: String(fields.text('quant_algo')), algorithm, fields, names: [] });
    if (setting !== null) {
      setting.names.push(name);
      settings.set(key, setting);
      last = { layer, setting };
    }
  }
  const [first, ...others] = [...settings.values()].sort((a, b) => b.names.length - a.names.length);
  if (first === undefined) {
    return null;
  }
  for (const { name, algorithm, fields, names } of [first, ...others]) {
    const wrong = wrongGroup(algorithm, fields);
    if (wrong !== null) {
      const key = fields.value['group_size'] === undefined ? 'awq_block_size' : 'group_size';
      problems.push(groupProblem(name, wrong, algorithm, [...path, 'quantized_layers', names[0] ?? '', key], names.length));
    }
  }
  return {
    algorithm: first.algorithm,
    weights: weightsOf(first.algorithm, first.fields),
    overrides: others.map(({ algorithm, fields, names }) => ({ pattern: namesPattern(names), weights: weightsOf(algorithm, fields) })),
    unlisted: [`(?!${namesPattern([first, ...others].flatMap(({ names }) => names))})`],
  };
}

/** Neighbours in the file mostly have the same settings: tens of thousands of entries are taken by this comparison alone. */
function sameSetting(a: JsonObject, b: JsonObject): boolean {
  return (
    a['quant_algo'] === b['quant_algo'] &&
    a['group_size'] === b['group_size'] &&
    a['awq_block_size'] === b['awq_block_size'] &&
    a['has_zero_point'] === b['has_zero_point']
  );
}

function groupOf(fields: Fields): number | null {
  return fields.integer('group_size') ?? fields.integer('awq_block_size');
}

/** The file's group size where the algorithm does not have it. */
function wrongGroup(algorithm: Algorithm, fields: Fields): number | null {
  const size = groupOf(fields);
  return size === null || size < 1 || algorithm.groups === null || algorithm.groups.includes(size) ? null : size;
}

/** A group size that is reported already counts as the nearest legal one, so that the other checks go on. */
function weightsOf(algorithm: Algorithm, fields: Fields): WeightRecipe {
  const size = groupOf(fields);
  const legal = size !== null && size > 0 && isGrouped(algorithm) && wrongGroup(algorithm, fields) === null;
  const symmetric = fields.boolean('has_zero_point') !== true;
  return {
    ...baseRecipe('', '', algorithm.methods, algorithm.weights).weights,
    ...(legal ? { groupSize: size } : {}),
    symmetric,
    zeroPoint: symmetric ? 'none' : 'integer',
  };
}

function groupProblem(name: string, size: number, { groups }: Algorithm, path: JsonPath, layers = 0): LowerProblem {
  const near = [...(groups ?? [])].sort((a, b) => Math.abs(a - size) - Math.abs(b - size))[0] ?? 128;
  const others = layers > 1 ? ` ${layers} layers have it.` : '';
  const kernels =
    name === 'W4A16_AWQ' ? "TensorRT-LLM's grouped 4-bit kernels have 64 and 128 only" : `its blocks are ${near} wide, and the export fails with others`;
  return {
    code: 'QC006',
    path,
    message: `group_size ${size} does not go with ${name}: ${kernels}.${others}`,
    source: name === 'W4A16_AWQ' ? 'NVIDIA/TensorRT-LLM issue 988' : SOURCE,
    fixes: [{ title: `Set "${String(path.at(-1))}" to ${near}`, edits: [{ kind: 'set', path, value: near }], preferred: true }],
    on: 'value',
  };
}

function layersWithoutMixed(fields: Fields, path: JsonPath): LowerProblem {
  const named = fields.text('quant_algo');
  return {
    code: 'QC013',
    severity: 'warning',
    path: [...path, 'quantized_layers'],
    message: `quantized_layers goes with quant_algo MIXED_PRECISION; ${named === null ? 'without it' : `with ${named}`} runtimes treat all layers alike.`,
    source: 'NVIDIA/TensorRT-LLM tensorrt_llm/models/modeling_utils.py :: LayerQuantConfig',
    fixes: [
      { title: 'Set "quant_algo" to "MIXED_PRECISION"', edits: [{ kind: 'set', path: [...path, 'quant_algo'], value: 'MIXED_PRECISION' }], preferred: true },
    ],
  };
}
