// ModelOpt checkpoints in vLLM: the algorithms it knows (quantization/modelopt.py), each with its own minimum.
import { refused, targetName } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { smallFloats } from './fp4.ts';
import { floats } from './fp8.ts';
import { answer, between, capabilityVerdicts, type Floor, type Job, noRow, QUANTIZATION } from './job.ts';

const FLOORS: Readonly<Record<string, Floor>> = {
  FP8: { now: 80, old: 89 },
  FP8_PER_CHANNEL_PER_TOKEN: { now: 80, old: null },
  FP8_PB_WO: { now: 80, old: null },
  NVFP4: { now: 75, old: 80 },
  W4A16_NVFP4: { now: 75, old: null },
  MXFP8: { now: 80, old: null },
};

export function judgeModelOpt(job: Job): readonly SupportVerdict[] {
  const { input, era } = job;
  const algorithm = input.recipe.variant?.toUpperCase() ?? null;
  if (algorithm === null) {
    return [refused(input, { rule: 'VL-MODELOPT-ALGO', field: 'variant', message: `${targetName(input)}: the config names no quant_algo.` })];
  }
  if (algorithm === 'MIXED_PRECISION') {
    return era === 'now'
      ? answer(job, [], 'a kernel for each layer (quantized_layers)', `${QUANTIZATION}/modelopt.py`)
      : [between(job, 'ModelOpt MIXED_PRECISION', 'variant')];
  }
  if (algorithm === 'NO_QUANT') {
    return [noRow(job, 'NO_QUANT quantizes nothing', 'variant')];
  }
  const floor = FLOORS[algorithm];
  if (floor === undefined) {
    return [
      refused(input, {
        rule: 'VL-MODELOPT',
        field: 'variant',
        message: `${targetName(input)}: ModelOpt's ${algorithm} does not load; ${Object.keys(FLOORS).join(', ')} and MIXED_PRECISION do.${algorithm.startsWith('W4A') || algorithm.includes('GPTQ') ? ' TensorRT-LLM runs it.' : ''}`,
      }),
    ];
  }
  if (era !== 'now' && floor.old === null) {
    return [between(job, `ModelOpt's ${algorithm}`, 'variant')];
  }
  const capability = capabilityVerdicts(job, `modelopt ${algorithm}`, floor, 'VL-CAP', 'variant');
  if (algorithm.includes('NVFP4')) {
    return smallFloats(job, 'nvfp4', capability);
  }
  return algorithm === 'MXFP8' ? smallFloats(job, 'mxfp8', capability) : floats(job, capability, 'modelopt.py');
}
