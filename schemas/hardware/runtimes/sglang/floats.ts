// FP8 and FP4 in SGLang: stricter about the GPU than vLLM, with the same rule for blocks under tensor parallelism.
import { blockProblem } from '../../block-size.ts';
import { fallsBack, refused, targetName } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { answer, belowFloor, dotted, type Job, noRow } from './job.ts';

const WHOLE = 89;

/** `quant_method: fp8` and fbgemm_fp8: weight-only below 8.9, refused below 8.0. */
export function judgeFp8(job: Job): readonly SupportVerdict[] {
  const { input, capability } = job;
  const scheme = input.recipe.scheme === 'fbgemm_fp8' ? 'fbgemm_fp8' : 'fp8';
  const below = capability !== null && capability < WHOLE;
  const weightOnly: readonly SupportVerdict[] = below
    ? [
        fallsBack(input, {
          rule: 'SG-FP8-W8A16',
          field: 'methods',
          to: 'Marlin FP8 (W8A16)',
          cost: 'half the memory, but 16-bit arithmetic',
          message: `${targetName(input)}: FP8 arithmetic needs compute capability 8.9; this device has ${dotted(capability)}, so the FP8 weights run weight-only.`,
        }),
      ]
    : [];
  const problems = [...blocks(job), ...belowFloor(job, scheme, 80), ...weightOnly];
  return answer(job, problems, below ? 'Marlin FP8 (W8A16)' : 'FP8 (W8A8)', `${scheme === 'fp8' ? 'fp8' : 'fpgemm_fp8'}.py`);
}

/** ModelOpt's FP8 and NVFP4; the other algorithms were not read. */
export function judgeModelOpt(job: Job): readonly SupportVerdict[] {
  const algorithm = job.input.recipe.variant?.toUpperCase() ?? '';
  switch (algorithm) {
    case 'FP8':
      return answer(job, belowFloor(job, 'modelopt fp8', WHOLE), 'FP8 (W8A8)', 'modelopt_quant.py');
    case 'NVFP4':
      return answer(job, belowFloor(job, 'modelopt fp4', 100), 'NVFP4 (W4A4)', 'modelopt_quant.py');
    default:
      return [noRow(job, `ModelOpt's ${algorithm === '' ? 'config without quant_algo' : algorithm} was not read`)];
  }
}

/** compressed-tensors' schemes of floats, each with its own minimum. */
export function judgeFloatScheme(job: Job): readonly SupportVerdict[] {
  const { weights, activations } = job.input.recipe;
  const folder = 'compressed_tensors/schemes';
  switch (weights.dtype) {
    case 'fp8_e4m3': {
      const both = activations !== null;
      if (both && job.capability !== null && job.capability >= 80 && job.capability < WHOLE) {
        return [...blocks(job), noRow(job, 'FP8 W8A8 below compute capability 8.9 was not read (W8A16 runs from 8.0)')];
      }
      const problems = [...blocks(job), ...belowFloor(job, `compressed-tensors FP8 ${both ? 'W8A8' : 'W8A16'}`, both ? WHOLE : 80)];
      return answer(job, problems, both ? 'FP8 (W8A8)' : 'Marlin FP8 (W8A16)', `${folder}/compressed_tensors_w8a${both ? '8' : '16'}_fp8.py`);
    }
    case 'nvfp4':
      return answer(job, belowFloor(job, 'compressed-tensors NVFP4', 100), 'NVFP4 (W4A4)', `${folder}/compressed_tensors_w4a4_nvfp4.py`);
    default:
      return [noRow(job, `compressed-tensors with ${weights.dtype} weights was not read`)];
  }
}

function blocks({ input }: Job): readonly SupportVerdict[] {
  const problem = blockProblem(input, { n: 'SG-BLOCK', k: 'SG-BLOCK-K' });
  return problem === null ? [] : [refused(input, problem)];
}
