// What a save format is to the pipeline: the rounding it can hold, the tensors of a module, how a matrix is packed into them, and what config.json says.
// One file per format beside this one. Names and shapes of tensors come from checkpoint/layouts.ts, which the readers use too.
import type { NativeBinding, RtnPartForm } from '@quantwright/native/binding';
import type { ActivationRecipe, Recipe, SaveFormat, WeightRecipe } from '@quantwright/schemas/recipe/recipe';
import type { StoredTensor } from '../../kinds/kind.ts';
import type { AffineMatrix, Method, ModuleScheme } from '../../methods/method.ts';

/** One linear that will be quantized. */
export interface ModulePlan {
  readonly module: string;
  readonly block: number;
  readonly rows: number;
  readonly cols: number;
  readonly scheme: ModuleScheme;
  /** Null: they stay in floating point. */
  readonly activations: ActivationRecipe | null;
  /** The output matrix. Left out: false. */
  readonly lmHead?: boolean;
}

/** A tensor that is filled band by band with what rounding makes, or bytes that do not depend on the weights. */
export type LayoutPart = RtnPartForm | Uint8Array;

export interface Layout {
  readonly format: SaveFormat;
  /** How `weights` are rounded so that this format can hold them; where that is not what the recipe asks for, the judge warned (QW-06). */
  scheme(recipe: Recipe, method: Method, weights: WeightRecipe): ModuleScheme;
  /** Why this format cannot hold the module and what to do; null when it can. */
  refusal(plan: ModulePlan): string | null;
  /** The module's tensors, in file order. */
  tensors(plan: ModulePlan): readonly StoredTensor[];
  /** Their bytes, in the order of `tensors`. Little endian. Coded matrices come with theirs. */
  pack(binding: NativeBinding, plan: ModulePlan, matrix: AffineMatrix): Promise<readonly Uint8Array[]>;
  /** What `pack` would give of a matrix rounded row by row, for those that are written in bands, in the order of `tensors`. Null or left out: this module's tensors have no such form. */
  parts?(plan: ModulePlan): readonly LayoutPart[] | null;
  /** config.json `quantization_config`; null: the weights are ordinary ones. `left` names the linears that stay in floating point. */
  config(recipe: Recipe, plans: readonly ModulePlan[], left: readonly string[]): Readonly<Record<string, unknown>> | null;
  /** Codec that the runtime computes on, for reports. */
  codec(plan: ModulePlan): string;
}

/** The settings that most modules have, by count of weights; formats write them once and the others per module. */
export function commonPlan(plans: readonly ModulePlan[], key: (plan: ModulePlan) => string): ModulePlan | undefined {
  const weights = new Map<string, number>();
  for (const plan of plans) weights.set(key(plan), (weights.get(key(plan)) ?? 0) + plan.rows * plan.cols);
  let best: ModulePlan | undefined;
  for (const plan of plans) {
    if (best === undefined || (weights.get(key(plan)) ?? 0) > (weights.get(key(best)) ?? 0)) best = plan;
  }
  return best;
}
