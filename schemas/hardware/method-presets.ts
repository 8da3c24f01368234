// Methods in the settings in which they are usually met: the rows of the compatibility matrix when no config is open. Each is a recipe as the
// config format that carries it would lower to, so that the one judge answers for all.
import { LLM_INT8_THRESHOLD } from '../configs/quantwright/activation-methods.ts';
import { quantwright } from '../configs/quantwright/format.ts';
import { baseRecipe } from '../recipe/base-recipe.ts';
import type { ActivationRecipe, Recipe } from '../recipe/recipe.ts';
import type { Intent } from './judge.ts';

export interface MethodPreset {
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly recipe: Recipe;
  readonly intent: Intent;
}

const perToken8: ActivationRecipe = { bits: 8, symmetric: true, granularity: 'per_token', dynamic: true };
const fp8Activations: ActivationRecipe = { dtype: 'fp8_e4m3', bits: 8, symmetric: true, granularity: 'per_token', dynamic: true };

export const methodPresets: readonly MethodPreset[] = [
  ...quantize('a16w8', 'A16W8 InstantQuant, per channel', { weight_format: 'int8' }),
  ...quantize('a16w4-g128', 'A16W4 InstantQuant, group 128', { weight_format: 'uint4', group_size: 128 }),
  ...quantize('a8w8', 'A8W8 InstantQuant, per channel', { weight_format: 'int8', compute_method: 'activate_quant' }),
  run('gptq-4-g128', 'GPTQ 4-bit, group 128', gptq(4, 128)),
  run('gptq-8-g128', 'GPTQ 8-bit, group 128', gptq(8, 128)),
  run('awq-4-g128', 'AWQ 4-bit, group 128', {
    ...baseRecipe('hf-awq', 'awq', ['awq'], { bits: 4, signed: false, symmetric: false, groupSize: 128, zeroPoint: 'integer' }),
    variant: 'gemm',
  }),
  run('w8a8-int8', 'INT8 W8A8 (compressed-tensors)', {
    ...baseRecipe('compressed-tensors', 'compressed-tensors', ['rtn'], {}),
    variant: 'int-quantized',
    activations: perToken8,
    computeMethod: 'activate_quant',
  }),
  run('fp8-block', 'FP8, blocks of 128x128', {
    ...baseRecipe('hf-fp8', 'fp8', ['fp8'], { dtype: 'fp8_e4m3', block: [128, 128] }),
    activations: { ...fp8Activations, granularity: 'group' },
    computeMethod: 'activate_quant',
  }),
  run('fp8-dynamic', 'FP8 W8A8 (compressed-tensors)', {
    ...baseRecipe('compressed-tensors', 'compressed-tensors', ['fp8'], { dtype: 'fp8_e4m3' }),
    variant: 'float-quantized',
    activations: fp8Activations,
    computeMethod: 'activate_quant',
  }),
  run('fp8-modelopt', 'FP8 per tensor (ModelOpt)', {
    ...baseRecipe('modelopt', 'modelopt', ['fp8'], { dtype: 'fp8_e4m3' }),
    variant: 'FP8',
    activations: { ...fp8Activations, granularity: 'per_tensor', dynamic: false },
    computeMethod: 'activate_quant',
  }),
  run('awq-modelopt', 'W4A16 AWQ, group 128 (ModelOpt)', {
    ...baseRecipe('modelopt', 'modelopt', ['awq'], { bits: 4, groupSize: 128 }),
    variant: 'W4A16_AWQ',
  }),
  run('nvfp4', 'NVFP4 (ModelOpt)', {
    ...baseRecipe('modelopt', 'modelopt', ['nvfp4'], { dtype: 'nvfp4', bits: 4, groupSize: 16 }),
    variant: 'NVFP4',
    activations: { dtype: 'nvfp4', bits: 4, symmetric: true, granularity: 'group', dynamic: true },
    computeMethod: 'activate_quant',
  }),
  run('mxfp4', 'MXFP4', baseRecipe('hf-mxfp4', 'mxfp4', ['mxfp4'], { dtype: 'mxfp4', bits: 4, groupSize: 32 })),
  run('nf4', 'NF4 (bitsandbytes)', {
    ...baseRecipe('hf-bitsandbytes', 'bitsandbytes', ['bitsandbytes'], { dtype: 'nf4', bits: 4, groupSize: 64 }),
    computeDtype: 'bfloat16',
  }),
  run('llm-int8', 'LLM.int8 (bitsandbytes)', {
    ...baseRecipe('hf-bitsandbytes', 'bitsandbytes', ['llm_int8'], {}),
    activations: { ...perToken8, rule: 'llm_int8', threshold: LLM_INT8_THRESHOLD },
    computeMethod: 'activate_quant',
  }),
];

function gptq(bits: number, groupSize: number): Recipe {
  return {
    ...baseRecipe('hf-gptq', 'gptq', ['gptq'], { bits, signed: false, symmetric: true, groupSize, zeroPoint: 'integer' }),
    variant: 'gptq',
    saveFormat: 'gptq',
  };
}

function run(id: string, name: string, recipe: Recipe): MethodPreset {
  return { id, name, recipe, intent: 'run' };
}

/** Through our own format, so that a row is what the same words in a file would be. */
function quantize(id: string, name: string, settings: Readonly<Record<string, unknown>>): readonly MethodPreset[] {
  const { recipe } = quantwright.lower({ quant_method: 'instant_quant', ...settings }, []);
  return recipe === null ? [] : [{ id, name, recipe, intent: 'quantize' }];
}
