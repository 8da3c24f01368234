// What a job's output is to another runtime: our methods matter no more once the weights are saved, only the layout they are saved in.
import type { Recipe } from '../../recipe/recipe.ts';
import type { JudgeInput } from '../judge.ts';

/** The recipe of the checkpoint that a job writes; that of a checkpoint is itself. */
export function savedAs({ recipe, intent }: JudgeInput): Recipe {
  const { saveFormat } = recipe;
  if (intent === 'run' || saveFormat === null) {
    return recipe;
  }
  if (recipe.format.startsWith('dashinfer')) {
    // Settings of a DashInfer call: its weights stay in that process.
    return { ...recipe, scheme: 'dashinfer' };
  }
  if (saveFormat === 'gptq' || saveFormat === 'gptq_v2') {
    return { ...recipe, scheme: 'gptq', variant: saveFormat };
  }
  if (saveFormat === 'awq') {
    return { ...recipe, scheme: 'awq', variant: 'gemm' };
  }
  const variant = saveFormat === 'compressed-tensors' ? (recipe.activations === null ? 'pack-quantized' : 'int-quantized') : null;
  return { ...recipe, scheme: saveFormat, variant };
}
