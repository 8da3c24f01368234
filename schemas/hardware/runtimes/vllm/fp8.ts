// FP8 in vLLM: 8-bit floats for weights and activations from compute capability 8.9; below it the same weights run weight-only in Marlin.
import { type BlockRules, blockProblem } from '../../block-size.ts';
import { fallsBack, refused, targetName } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { documentedVerdicts } from './documented.ts';
import { answer, capabilityVerdicts, dotted, type Floor, type Job, QUANTIZATION } from './job.ts';

export const BLOCK_RULES: BlockRules = { n: 'VL-FP8-B-N', k: 'VL-FP8-B-K' };
const WHOLE = 89;

/** `quant_method: fp8` (fine-grained or per tensor) and fbgemm_fp8. */
export function judgeFp8(job: Job): readonly SupportVerdict[] {
  const fbgemm = job.input.recipe.scheme === 'fbgemm_fp8';
  const floor: Floor = fbgemm ? { now: 80, old: 80 } : { now: 75, old: 80 };
  return floats(job, capabilityVerdicts(job, fbgemm ? 'fbgemm_fp8' : 'fp8', floor, 'VL-CAP'), fbgemm ? 'fbgemm_fp8.py' : 'fp8.py');
}

/** `capability`: what the method itself asks of the GPU. */
export function floats(job: Job, capability: readonly SupportVerdict[], file: string): readonly SupportVerdict[] {
  const { recipe } = job.input;
  const block = recipe.weights.block ?? null;
  const problems = [...schemeVerdicts(job), ...blockVerdicts(job)];
  const documented = documentedVerdicts(job, 'FP8-W8A8', 'FP8', problems);
  if (documented !== null) {
    return documented;
  }
  const weightOnly = recipe.activations === null || (job.capability !== null && job.capability < WHOLE);
  const kernel = weightOnly ? 'Marlin FP8 (W8A16)' : block === null ? 'CUTLASS FP8 (W8A8)' : 'block-wise FP8 (W8A8)';
  return answer(job, [...problems, ...capability, ...belowVerdicts(job)], kernel, `${QUANTIZATION}/${weightOnly ? 'utils/marlin_utils_fp8.py' : file}`);
}

/** Blocks have scales of their own, so their activations are scaled while they run. */
function schemeVerdicts({ input }: Job): readonly SupportVerdict[] {
  const { weights, activations } = input.recipe;
  if ((weights.block ?? null) === null || activations === null || activations.dynamic) {
    return [];
  }
  return [
    refused(input, {
      rule: 'VL-FP8-SCHEME',
      field: 'activations',
      words: { scheme: 'static' },
      message: `${targetName(input)}: weights in blocks need dynamic activation scales; static ones are refused.`,
    }),
  ];
}

function blockVerdicts({ input }: Job): readonly SupportVerdict[] {
  const problem = blockProblem(input, BLOCK_RULES);
  return problem === null ? [] : [refused(input, problem)];
}

function belowVerdicts({ input, capability }: Job): readonly SupportVerdict[] {
  if (capability === null || capability >= WHOLE || input.recipe.activations === null) {
    return [];
  }
  return [
    fallsBack(input, {
      rule: 'VL-FP8-W8A16',
      field: 'methods',
      to: 'Marlin FP8 (W8A16)',
      cost: 'half the memory, but 16-bit arithmetic',
      message: `${targetName(input)}: FP8 W8A8 needs compute capability 8.9; this device has ${dotted(capability)}, so the FP8 weights run weight-only (W8A16) in Marlin.`,
    }),
  ];
}
