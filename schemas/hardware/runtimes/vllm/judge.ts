// vLLM's verdicts: which of its methods loads the weights that a config describes or asks for, and what that method says (rules VL-*).
import type { Recipe } from '../../../recipe/recipe.ts';
import { type JudgeInput, refused, targetName } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { savedAs } from '../saved-as.ts';
import { judgeAwq } from './awq.ts';
import { judgeCompressedTensors } from './compressed-tensors.ts';
import { eraOf } from './era.ts';
import { judgeFp8 } from './fp8.ts';
import { judgeGptq } from './gptq.ts';
import { again, type Job } from './job.ts';
import { kvVerdicts } from './kv-cache.ts';
import { judgeModelOpt } from './modelopt.ts';
import { judgeAutoRound, judgeMxfp4, judgePlugin, judgeQuark, judgeSimple, judgeUnlisted } from './others.ts';

export function judgeVllm(asked: JudgeInput): readonly SupportVerdict[] {
  const recipe = savedAs(asked);
  const input: JudgeInput = { ...asked, recipe };
  const { device, target } = input;
  const job: Job = { input, era: eraOf(target.version), capability: device?.computeCapability ?? null };
  if (recipe.scheme === 'quantwright') {
    return [ownLayout(job, recipe)];
  }
  return [...byScheme(job, recipe.scheme), ...kvVerdicts(job)];
}

function byScheme(job: Job, scheme: string): readonly SupportVerdict[] {
  switch (scheme) {
    case 'gptq':
      return judgeGptq(job);
    case 'awq':
      return judgeAwq(job);
    case 'compressed-tensors':
    case 'llm-compressor':
      return judgeCompressedTensors(job);
    case 'fp8':
    case 'fbgemm_fp8':
      return judgeFp8(job);
    case 'modelopt':
      return judgeModelOpt(job);
    case 'mxfp4':
      return judgeMxfp4(job);
    case 'bitsandbytes':
      return judgePlugin(job, 'bitsandbytes', 70);
    case 'gguf':
      return judgePlugin(job, 'gguf', 60);
    case 'auto-round':
      return judgeAutoRound(job);
    case 'quark':
      return judgeQuark(job);
    default:
      return judgeSimple(job, scheme) ?? judgeUnlisted(job, scheme);
  }
}

/** Only our own runtime reads the layout that keeps fractional zero points. */
function ownLayout({ input }: Job, recipe: Recipe): SupportVerdict {
  const fractional = recipe.weights.zeroPoint === 'float';
  const value = recipe.activations === null ? 'gptq' : 'compressed-tensors';
  return refused(input, {
    rule: 'VL-LAYOUT',
    field: 'saveFormat',
    words: { method: 'quantwright' },
    message: `${targetName(input)}: the quantwright layout is read by Quantwright only; save_format ${value} loads there${fractional ? ', with zero points rounded to integers' : ''}.`,
    nearest: { field: 'saveFormat', value, words: again(input, `save_format ${value}`) },
  });
}
