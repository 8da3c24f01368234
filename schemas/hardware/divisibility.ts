// Which linears a group size does not divide, with tensor parallelism: row-parallel linears (o_proj, down_proj) are split along K.
// Formula shared by all runtimes that split a model (support-tables section 2.5).
import { modulesOf } from '../checkpoint/linears.ts';
import type { LinearShape, ModelShape } from '../checkpoint/model-shape.ts';
import { moduleWeights } from '../recipe/module-weights.ts';
import type { Recipe, WeightRecipe } from '../recipe/recipe.ts';

export interface Piece {
  readonly linear: LinearShape;
  /** Full name of one module of this kind, e.g. model.layers.0.mlp.down_proj. */
  readonly module: string;
  /** Inputs on one device; not an integer when tensor parallelism does not divide them. */
  readonly k: number;
  readonly weights: WeightRecipe;
  /** The settings are an override's, not the recipe's own. */
  readonly overridden: boolean;
  /** What a group size has to divide: K; where groups run on from row to row, all elements of the matrix; 0 where the last may be short. */
  readonly divided: number;
}

/** bitsandbytes blocks the flattened weights (functional.py :: quantize_4bit); HQQ's group divides the number of elements (core/quantize.py). */
function dividedBy(scheme: string, k: number, n: number): number {
  return scheme === 'bitsandbytes' ? 0 : scheme === 'hqq' ? k * n : k;
}

/**
 * The quantized linears of a model on one of `tensorParallel` devices: one piece for each linear of a block and each different setting among
 * its layers. Without lm_head, which runtimes do not split or pad as the others: see `piecesWithHead`.
 */
export function piecesOf(recipe: Recipe, model: ModelShape, tensorParallel: number): readonly Piece[] {
  const settings = moduleWeights(recipe);
  const plain = recipe.ignore.length + recipe.overrides.length === 0;
  const pieces = new Map<string, Piece>();
  for (const linear of model.linears) {
    const modules = modulesOf(linear);
    for (const module of plain ? modules.slice(0, 1) : modules) {
      const weights = settings(module);
      const key = weights === null ? '' : `${linear.module} ${linear.firstLayer} ${settingsKey(weights)}`;
      if (weights !== null && !pieces.has(key)) {
        const k = linear.parallel === 'row' ? linear.in / tensorParallel : linear.in;
        pieces.set(key, { linear, module, k, weights, overridden: weights !== recipe.weights, divided: dividedBy(recipe.scheme, k, linear.out) });
      }
    }
  }
  return [...pieces.values()];
}

/** Those of the whole model on one device, with lm_head where the recipe quantizes it. */
export function piecesWithHead(recipe: Recipe, model: ModelShape): readonly Piece[] {
  const pieces = piecesOf(recipe, model, 1);
  const linear = recipe.lmHead === true ? model.linears.find(({ kind }) => kind === 'lm_head') : undefined;
  const weights = linear === undefined ? null : moduleWeights(recipe)(linear.module);
  if (linear === undefined || weights === null) {
    return pieces;
  }
  const k = linear.in;
  return [...pieces, { linear, module: linear.module, k, weights, overridden: weights !== recipe.weights, divided: dividedBy(recipe.scheme, k, linear.out) }];
}

/** What tells the settings of two modules apart. */
export function settingsKey({ dtype, bits, groupSize, symmetric, descAct, block }: WeightRecipe): string {
  return [dtype, bits, groupSize, symmetric, descAct, block ?? 'rows'].join(' ');
}

export function dividesAll(pieces: readonly Piece[], groupSize: number): boolean {
  return pieces.every((piece) => Number.isInteger(piece.k) && (groupSize === -1 || piece.divided % groupSize === 0));
}

/** Pieces whose group size does not divide their K, or whose K cannot be split at all. */
export function undivided(pieces: readonly Piece[]): readonly Piece[] {
  return pieces.filter(({ k, divided, weights }) => !Number.isInteger(k) || (weights.groupSize !== -1 && divided % weights.groupSize !== 0));
}

/** The largest of `legal` that divides the K of every piece without an override; -1 (per channel) only when nothing else does. */
export function largestGroup(pieces: readonly Piece[], legal: readonly number[]): number | null {
  const own = pieces.filter((piece) => !piece.overridden);
  const works = legal.filter((groupSize) => dividesAll(own, groupSize)).sort((a, b) => b - a);
  return works[0] ?? null;
}

/** The largest tensor-parallel size below the asked one that splits the heads evenly and lets every piece's own group size divide its K. */
export function largestSplit(recipe: Recipe, model: ModelShape, tensorParallel: number): number | null {
  for (let split = tensorParallel - 1; split >= 1; split -= 1) {
    if (model.heads % split === 0 && undivided(piecesOf(recipe, model, split)).length === 0) {
      return split;
    }
  }
  return null;
}

/** `q_proj, o_proj K = 2048 and down_proj K = 29568 / tp 4 = 7392`: kinds with equal sizes together. */
export function piecesWords(pieces: readonly Piece[], tensorParallel: number): string {
  const kinds = new Map<string, Set<string>>();
  for (const { linear, k } of pieces) {
    const split = linear.parallel === 'row' && tensorParallel > 1 ? ` / tp ${tensorParallel} = ${round(k)}` : '';
    const size = `K = ${linear.in}${split}`;
    kinds.set(size, (kinds.get(size) ?? new Set()).add(linearName(linear)));
  }
  return [...kinds].map(([size, names]) => `${[...names].join(', ')} ${size}`).join(' and ');
}

/** `down_proj`, or `experts.down_proj`, `shared_experts.down_proj` in a mixture: the model's own names. */
export function linearName({ module }: LinearShape): string {
  const [parent = ''] = /[a-z_]*experts?\b/.exec(module) ?? [];
  const name = module.slice(module.lastIndexOf('.') + 1);
  return parent === '' ? name : `${parent}.${name}`;
}

function round(k: number): string {
  return Number.isInteger(k) ? String(k) : k.toFixed(2);
}
