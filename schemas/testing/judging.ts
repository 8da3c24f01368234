// Test material: a recipe from a few keys of a customized config, judged for a target.

import type { ModelShape } from '../checkpoint/model-shape.ts';
import { isShape, modelShapeFromConfig } from '../checkpoint/shape-from-config.ts';
import { findFormat } from '../configs/registry.ts';
import { explainSupport, type Intent } from '../hardware/support.ts';
import type { RuntimeId, Target } from '../hardware/target.ts';
import type { SupportVerdict } from '../hardware/verdict.ts';
import type { Recipe } from '../recipe/recipe.ts';

export function recipeOf(format: string, config: Readonly<Record<string, unknown>>): Recipe {
  const recipe = findFormat(format)?.lower(config, []).recipe ?? null;
  if (recipe === null) {
    throw new Error(`no recipe from ${JSON.stringify(config)}`);
  }
  return recipe;
}

export interface Judging {
  readonly runtime: RuntimeId;
  readonly device?: string;
  readonly tensorParallel?: number;
  readonly version?: string;
  readonly model?: ModelShape | null;
  readonly intent?: Intent;
}

export function judge(recipe: Recipe, { runtime, device, tensorParallel, version, model, intent }: Judging): readonly SupportVerdict[] {
  const target: Target = { runtime, version: version ?? null, device: device ?? null, tensorParallel: tensorParallel ?? 1 };
  return explainSupport(recipe, model ?? null, target, intent);
}

/** A Llama of these sizes; sixteen heads. */
export function llama(sizes: { readonly hidden: number; readonly intermediate: number; readonly experts?: number; readonly dtype?: string }): ModelShape {
  const shape = modelShapeFromConfig({
    architectures: ['LlamaForCausalLM'],
    model_type: sizes.experts === undefined ? 'llama' : 'qwen3_moe',
    hidden_size: sizes.hidden,
    intermediate_size: sizes.intermediate,
    num_hidden_layers: 2,
    num_attention_heads: 16,
    vocab_size: 1000,
    torch_dtype: sizes.dtype ?? 'bfloat16',
    num_experts: sizes.experts ?? 0,
  });
  if (!isShape(shape)) {
    throw new Error(shape.reason);
  }
  return shape;
}

/** `refused DI-09`, `supported IQ-INT8 (A16W8)`: the decisive verdict in short. */
export function short(verdicts: readonly SupportVerdict[]): string {
  const [first] = verdicts;
  return first === undefined ? 'nothing' : first.kind === 'supported' ? `supported ${first.kernel}` : `${first.kind} ${first.rule}`;
}
