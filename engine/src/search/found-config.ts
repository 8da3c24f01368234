// What a search found, as an ordinary config: the settings that most weights have at the top, the others as `overrides`, and every other key as it was.
import { dirname, relative, resolve, sep } from 'node:path';
import type { WeightRecipe } from '@quantwright/schemas/recipe/recipe';
import type { JsonObject } from '../checkpoint/json-file.ts';
import { isJsonObject } from '../checkpoint/json-file.ts';
import type { LinearSource } from '../pipeline/source.ts';

export interface Found {
  readonly linear: LinearSource;
  readonly candidate: number;
}

export interface FoundConfigOptions {
  /** The config that asked for the search, parsed. */
  readonly config: JsonObject;
  readonly configPath: string;
  /** Where the found one will lie: paths in it are relative to it. */
  readonly foundPath: string;
  readonly method: string;
  readonly candidates: readonly Partial<WeightRecipe>[];
  readonly found: readonly Found[];
}

/** Text of the config, JSON with two spaces. */
export function foundConfig({ config, configPath, foundPath, method, candidates, found }: FoundConfigOptions): string {
  const weights = candidates.map((_, candidate) =>
    found.filter((one) => one.candidate === candidate).reduce((sum, { linear }) => sum + linear.rows * linear.cols, 0),
  );
  const base = weights.indexOf(Math.max(...weights));
  const searched: Record<string, JsonObject> = {};
  for (const [candidate, settings] of candidates.entries()) {
    if (candidate === base) continue;
    for (const pattern of patterns(found.filter((one) => one.candidate === candidate).map(({ linear }) => linear))) searched[pattern] = spelled(settings);
  }
  const { quant_method: _, target_bits: __, search: ___, overrides, calibration, ...others } = config;
  const text = { quant_method: method, ...spelled(candidates[base] ?? {}), ...others };
  const own = isJsonObject(overrides) ? overrides : {};
  return `${JSON.stringify({ ...text, ...moved(calibration, configPath, foundPath), overrides: { ...own, ...searched } }, null, 2)}\n`;
}

/** The config with the alpha that was found, in the place of "auto" and of those to try. */
export function configWithAlpha(config: JsonObject, alpha: number, { configPath, foundPath }: Pick<FoundConfigOptions, 'configPath' | 'foundPath'>): string {
  const { calibration } = config;
  return `${JSON.stringify({ ...config, smoothquant: { alpha }, ...moved(calibration, configPath, foundPath) }, null, 2)}\n`;
}

function spelled({ bits, signed, groupSize }: Partial<WeightRecipe>): JsonObject {
  return { weight_format: `${signed === true ? 'int' : 'uint'}${bits}`, group_size: groupSize ?? -1 };
}

/** One regular expression for every kind of linear, with the numbers of its blocks. */
function patterns(linears: readonly LinearSource[]): readonly string[] {
  const blocks = new Map<string, number[]>();
  for (const { module, block, lmHead } of linears) {
    const form = lmHead ? escaped(module) : escaped(module).replace(`\\.${block}\\.`, '\\.#\\.');
    blocks.set(form, [...(blocks.get(form) ?? []), block]);
  }
  return [...blocks].map(([form, numbers]) => form.replace('#', numbers.length === 1 ? String(numbers[0]) : `(${numbers.join('|')})`));
}

function escaped(module: string): string {
  return module.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function moved(calibration: unknown, from: string, to: string): JsonObject {
  if (!isJsonObject(calibration)) return {};
  const dataset = calibration['dataset'];
  if (typeof dataset !== 'string') return { calibration };
  const path = relative(dirname(resolve(to)), resolve(dirname(from), dataset));
  return { calibration: { ...calibration, dataset: path.split(sep).join('/') } };
}
