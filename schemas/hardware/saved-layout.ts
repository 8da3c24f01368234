// What a runtime would find on the disk: a checkpoint's own scheme, or the layout that a recipe of ours is saved in.
import type { JudgeInput } from './judge.ts';

export interface SavedLayout {
  /** As runtimes name it: gptq, awq, compressed-tensors, fp8 ... */
  readonly scheme: string;
  readonly variant: string | null;
}

/** Models that a tool has compiled for itself: no checkpoint that another could load. */
const COMPILED: readonly string[] = ['mlc'];

/** Null: the file is for another tool; what that tool writes is judged from the checkpoint's own config. */
export function savedLayout({ recipe, intent }: Pick<JudgeInput, 'recipe' | 'intent'>): SavedLayout | null {
  if (intent === 'run') {
    return COMPILED.includes(recipe.scheme) ? null : { scheme: recipe.scheme, variant: recipe.variant };
  }
  switch (recipe.format === 'quantwright' ? recipe.saveFormat : null) {
    case 'gptq':
    case 'gptq_v2':
      return { scheme: 'gptq', variant: recipe.saveFormat };
    case 'awq':
      return { scheme: 'awq', variant: 'gemm' };
    case 'compressed-tensors':
      return { scheme: 'compressed-tensors', variant: null };
    case 'gguf':
      return { scheme: 'gguf', variant: null };
    case 'bitsandbytes':
      return { scheme: 'bitsandbytes', variant: 'int8' };
    case 'quantwright':
      return { scheme: 'quantwright', variant: null };
    default:
      return null;
  }
}
