// SGLang's verdicts: minimum capabilities of its methods, and the texts it shares with vLLM (rules SG-*).
import type { ActivationRecipe } from '../../../recipe/recipe.ts';
import { ignored, type JudgeInput, refused, targetName } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { savedAs } from '../saved-as.ts';
import { judgeFloatScheme, judgeFp8, judgeModelOpt } from './floats.ts';
import { answer, belowFloor, type Job, noRow } from './job.ts';
import { judgeAwq, judgeGptq, judgePacked } from './packed.ts';

/** Methods of which the minimum is all that was read: capability, kernel, file. */
const SIMPLE: Readonly<Record<string, readonly [number, string, string]>> = {
  mxfp4: [80, 'MXFP4', 'mxfp4.py'],
  bitsandbytes: [70, 'bitsandbytes', 'bitsandbytes.py'],
  gguf: [60, 'GGUF', 'gguf.py'],
  blockwise_int8: [80, 'block-wise INT8', 'blockwise_int8.py'],
  w8a8_int8: [75, 'INT8 (W8A8)', 'w8a8_int8.py'],
  w8a8_fp8: [89, 'FP8 (W8A8)', 'w8a8_fp8.py'],
  w4afp8: [90, 'W4A8 FP8', 'w4afp8.py'],
  qoq: [80, 'QoQ', 'qoq.py'],
};

export function judgeSglang(asked: JudgeInput): readonly SupportVerdict[] {
  const recipe = savedAs(asked);
  const input: JudgeInput = { ...asked, recipe };
  const { device } = input;
  const job: Job = { input, capability: device?.computeCapability ?? null };
  if (recipe.scheme === 'quantwright') {
    const value = recipe.activations === null ? 'gptq' : 'compressed-tensors';
    return [
      refused(input, {
        rule: 'SG-LAYOUT',
        field: 'saveFormat',
        words: { method: 'quantwright' },
        message: `${targetName(input)}: the quantwright layout is read by Quantwright only; save_format ${value} loads there.`,
        nearest: { field: 'saveFormat', value, words: `save_format ${value}` },
      }),
    ];
  }
  if (device !== null && device.kind !== 'cuda') {
    return [noRow(job, 'the minimum capabilities that were read are those of NVIDIA GPUs')];
  }
  return byScheme(job, recipe.scheme);
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
    case 'quark':
      return judgeQuark(job);
    case 'auto-round':
      return judgeAutoRound(job);
    default: {
      const row = Object.hasOwn(SIMPLE, scheme) ? SIMPLE[scheme] : undefined;
      return row === undefined ? [noRow(job, `there is no row for "${scheme}"`)] : answer(job, belowFloor(job, scheme, row[0]), row[1], row[2]);
    }
  }
}

function judgeCompressedTensors(job: Job): readonly SupportVerdict[] {
  const { weights, activations } = job.input.recipe;
  if (weights.dtype !== 'int') {
    return judgeFloatScheme(job);
  }
  if (activations === null) {
    return judgePacked(job);
  }
  return weights.bits === 8 && activations.bits === 8 && (activations.dtype ?? 'int') === 'int'
    ? answer(
        job,
        [...belowFloor(job, 'compressed-tensors INT8 W8A8', 80), ...perToken(job, activations)],
        'INT8 (W8A8)',
        'compressed_tensors/schemes/compressed_tensors_w8a8_int8.py',
      )
    : [noRow(job, `${weights.bits}-bit weights with ${activations.bits}-bit activations were not read`)];
}

/** Whatever the config says, activations are rounded around 0 and by token (per_token_quant_int8). */
function perToken({ input }: Job, { symmetric, dynamic }: ActivationRecipe): readonly SupportVerdict[] {
  if (symmetric && dynamic) return [];
  const what = dynamic
    ? 'zero points of activations are'
    : symmetric
      ? 'calibrated scales of activations are'
      : 'calibrated scales and zero points of activations are';
  return [
    ignored(input, {
      rule: 'SG-ACT',
      field: dynamic ? 'activations.symmetric' : 'activations.dynamic',
      message: `${targetName(input)}: ${what} loaded and not used; every token is rounded around 0 with a scale of its own.`,
    }),
  ];
}

function judgeQuark(job: Job): readonly SupportVerdict[] {
  const floats = job.input.recipe.weights.dtype === 'fp8_e4m3';
  return answer(job, belowFloor(job, floats ? 'quark fp8' : 'quark', floats ? 89 : 70), 'Quark', 'quark/quark.py');
}

/** GPTQ or AWQ weights under another name; the packing says which. */
function judgeAutoRound(job: Job): readonly SupportVerdict[] {
  const { input } = job;
  const { weights, variant } = input.recipe;
  const floor = belowFloor(job, 'auto-round', 60);
  if (floor.length > 0) {
    return floor;
  }
  if (weights.dtype !== 'int' || (weights.bits !== 4 && weights.bits !== 8)) {
    return [noRow(job, `auto-round with ${weights.bits}-bit ${weights.dtype} weights was not read`)];
  }
  const awq = variant?.includes('auto_awq') === true;
  const packed: Job = { ...job, input: { ...input, recipe: { ...input.recipe, variant: awq ? 'gemm' : 'gptq' } } };
  return awq ? judgeAwq(packed) : weights.symmetric ? judgeGptq(packed) : [noRow(job, 'asymmetric auto-round weights in GPTQ packing were not read')];
}
