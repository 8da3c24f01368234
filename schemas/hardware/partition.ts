// What lies on one device when a model is split over several (support-tables section 2.5): column-parallel linears are split along N, row-parallel
// ones along K, and keys and values no further than to one head.
import type { LinearKind, LinearShape, ModelShape } from '../checkpoint/model-shape.ts';
import type { Recipe, WeightRecipe } from '../recipe/recipe.ts';
import { linearName, piecesOf, settingsKey } from './divisibility.ts';

/** One linear as a runtime computes it: shards that are loaded into one matrix are one partition. */
export interface Partition {
  /** The shards, in order: q_proj, k_proj, v_proj. */
  readonly linears: readonly LinearShape[];
  /** Full name of one module of it. */
  readonly module: string;
  /** Inputs and outputs on one device; not integers when the split does not divide them. */
  readonly k: number;
  readonly n: number;
  /** Split along K. */
  readonly rowSplit: boolean;
  /** One expert of a mixture. */
  readonly expert: boolean;
  readonly weights: WeightRecipe;
}

const FUSED: readonly (readonly LinearKind[])[] = [
  ['q_proj', 'k_proj', 'v_proj'],
  ['gate_proj', 'up_proj'],
];

export function inputsOn(linear: LinearShape, tensorParallel: number): number {
  return linear.parallel === 'row' ? linear.in / tensorParallel : linear.in;
}

/** Keys and values are repeated when there are more devices than heads of them. */
export function outputsOn(linear: LinearShape, model: ModelShape, tensorParallel: number): number {
  return partsOn(linear, model, tensorParallel).reduce((sum, { part }) => sum + part, 0);
}

/** A linear's outputs on one device, q, k and v or gate and up apart where the checkpoint has them in one matrix. */
export function partsOn(linear: LinearShape, model: ModelShape, tensorParallel: number): readonly { readonly full: number; readonly part: number }[] {
  const { heads, kvHeads, headDim } = model;
  const split = (full: number, keys: boolean): { readonly full: number; readonly part: number } => {
    const over = linear.parallel !== 'column' ? 1 : keys && kvHeads < tensorParallel ? kvHeads : tensorParallel;
    return { full, part: full / over };
  };
  switch (linear.kind) {
    case 'qkv_proj':
      return [split(heads * headDim, false), split(kvHeads * headDim, true), split(kvHeads * headDim, true)];
    case 'gate_up_proj':
      return [split(linear.out / 2, false), split(linear.out / 2, false)];
    default:
      return [split(linear.out, linear.kind === 'k_proj' || linear.kind === 'v_proj')];
  }
}

export function isExpert({ module }: LinearShape): boolean {
  return module.includes('{e}');
}

/** The quantized linears of the decoder blocks as matrices, one for each different setting among the layers. */
export function partitionsOf(recipe: Recipe, model: ModelShape, tensorParallel: number): readonly Partition[] {
  const pieces = piecesOf(recipe, model, tensorParallel);
  return fusedOf(model.linears).flatMap((linears) => {
    const own = pieces.filter(({ linear }) => linears.includes(linear));
    const settings = [...new Map(own.map((piece) => [settingsKey(piece.weights), piece])).values()];
    return settings.map(({ linear, module, k, weights }): Partition => {
      const shards = own.filter((piece) => settingsKey(piece.weights) === settingsKey(weights)).map((piece) => piece.linear);
      const n = shards.reduce((sum, shard) => sum + outputsOn(shard, model, tensorParallel), 0);
      return { linears: shards, module, k, n, rowSplit: linear.parallel === 'row' && tensorParallel > 1, expert: isExpert(linear), weights };
    });
  });
}

/** Shards of one parent (q, k, v; gate, up) together, the others alone. */
export function fusedOf(linears: readonly LinearShape[]): readonly (readonly LinearShape[])[] {
  const groups = new Map<string, LinearShape[]>();
  for (const linear of linears) {
    const shards = FUSED.findIndex((kinds) => kinds.includes(linear.kind));
    const parent = linear.module.slice(0, linear.module.lastIndexOf('.'));
    const key = shards === -1 ? linear.module + linear.firstLayer : `${parent} ${shards} ${linear.firstLayer}`;
    groups.set(key, [...(groups.get(key) ?? []), linear]);
  }
  return [...groups.values()];
}

/** `q_proj, k_proj, v_proj`, in the model's own names. */
export function partitionName({ linears }: Partition): string {
  return linears.map(linearName).join(', ');
}
