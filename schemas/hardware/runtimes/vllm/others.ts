// The other methods vLLM loads, or does not know: bitsandbytes, GGUF, torchao, Quark, auto-round, MXFP4, HQQ and the rest.
import { refused, targetName, unknown } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { judgeAwq } from './awq.ts';
import { documentedVerdicts } from './documented.ts';
import { smallFloats } from './fp4.ts';
import { judgeGptq } from './gptq.ts';
import { answer, between, capabilityVerdicts, type Floor, type Job, noRow, QUANTIZATION } from './job.ts';

/** In 0.10 part of vLLM, now plugins: documented as running, but only where the plugin is installed. */
export function judgePlugin(job: Job, name: 'bitsandbytes' | 'gguf', old: number): readonly SupportVerdict[] {
  const { input, era } = job;
  const documented = name === 'bitsandbytes' ? documentedVerdicts(job, 'BNB', name, []) : null;
  if (documented !== null) {
    return documented;
  }
  if (era === 'old') {
    return answer(job, capabilityVerdicts(job, name, { now: null, old }, 'VL-CAP'), name, `${QUANTIZATION}/${name}.py`);
  }
  if (era === 'between') {
    return [between(job, `${name}, which became a plugin,`)];
  }
  return [
    unknown(input, {
      rule: 'VL-PLUGIN',
      field: 'scheme',
      words: { method: name },
      message: `${targetName(input)}: ${name} is a plugin now; it runs where its package is installed, and is refused where it is not.`,
    }),
  ];
}

const SIMPLE: Readonly<Record<string, { readonly floor: Floor; readonly kernel: string; readonly file: string }>> = {
  torchao: { floor: { now: 75, old: 75 }, kernel: 'torchao', file: 'torchao.py' },
  fp_quant: { floor: { now: 100, old: null }, kernel: 'FP-Quant', file: 'fp_quant.py' },
  experts_int8: { floor: { now: 80, old: 80 }, kernel: 'experts INT8', file: 'experts_int8.py' },
};

export function judgeSimple(job: Job, scheme: string): readonly SupportVerdict[] | null {
  const row = SIMPLE[scheme];
  return row === undefined
    ? null
    : (documentedVerdicts(job, null, scheme, []) ??
        answer(job, capabilityVerdicts(job, scheme, row.floor, 'VL-CAP'), row.kernel, `${QUANTIZATION}/${row.file}`));
}

export function judgeQuark(job: Job): readonly SupportVerdict[] {
  const { weights } = job.input.recipe;
  const [name, minimum] = weights.dtype === 'fp8_e4m3' ? ['quark FP8', 89] : weights.dtype === 'int' && weights.bits === 8 ? ['quark INT8', 75] : ['quark', 70];
  return (
    documentedVerdicts(job, null, 'quark', []) ??
    answer(job, capabilityVerdicts(job, name, { now: minimum, old: minimum }, 'VL-CAP'), 'Quark', `${QUANTIZATION}/quark/quark.py`)
  );
}

/** gpt-oss: on compute capability 8.0 from a version on that was not found; in 0.10 its floor was first 90. */
export function judgeMxfp4(job: Job): readonly SupportVerdict[] {
  const { capability, era } = job;
  if (era !== 'now' && (capability === null || (capability >= 80 && capability < 90))) {
    return documentedVerdicts(job, null, 'MXFP4', []) ?? [noRow(job, 'MXFP4 before 0.28 was read from issues only (it needed 9.0, later 8.0)')];
  }
  return smallFloats(job, 'mxfp4', capabilityVerdicts(job, 'mxfp4', { now: 80, old: 80 }, 'VL-CAP'));
}

/** auto-round files are GPTQ or AWQ weights under another name (quantization/inc.py). */
export function judgeAutoRound(job: Job): readonly SupportVerdict[] {
  const { input } = job;
  const { weights, variant } = input.recipe;
  const packing = variant ?? '';
  if (weights.dtype === 'mxfp4' || weights.dtype === 'mxfp8') {
    return smallFloats(
      job,
      weights.dtype,
      capabilityVerdicts(job, `auto-round ${weights.dtype}`, { now: weights.dtype === 'mxfp4' ? 80 : 75, old: null }, 'VL-CAP'),
    );
  }
  if (weights.dtype !== 'int' || (weights.bits !== 4 && weights.bits !== 8)) {
    return [noRow(job, `auto-round with ${weights.bits}-bit ${weights.dtype} weights was not read`, 'weights.bits')];
  }
  if (packing.includes('auto_awq')) {
    return judgeAwq({ ...job, input: { ...input, recipe: { ...input.recipe, variant: 'gemm' } } });
  }
  if (!weights.symmetric) {
    const nearest = { field: 'variant', value: 'auto_round:auto_awq', words: 'packing_format auto_round:auto_awq (the weights must be packed again)' } as const;
    return [
      unknown(input, {
        rule: 'VL-INC',
        field: 'weights.symmetric',
        nearest: weights.bits === 4 && input.intent === 'quantize' ? nearest : null,
        message: `${targetName(input)}: asymmetric weights (sym false) in GPTQ packing are inaccurate or not taken by Marlin; auto_round:auto_awq holds asymmetric 4-bit weights.`,
      }),
    ];
  }
  return judgeGptq({ ...job, input: { ...input, recipe: { ...input.recipe, variant: 'gptq' } } });
}

/** Not in vLLM's list of methods, in either state that was read. */
const NEVER: readonly string[] = ['quanto', 'higgs', 'eetq', 'vptq', 'spqr', 'sinq', 'exl2', 'mlc', 'fouroversix', 'metal'];

export function judgeUnlisted(job: Job, scheme: string): readonly SupportVerdict[] {
  const { input } = job;
  return NEVER.includes(scheme)
    ? [
        refused(input, {
          rule: 'VL-NAME',
          field: 'scheme',
          words: { method: scheme },
          message: `${targetName(input)}: vLLM has no quantization method "${scheme}".`,
        }),
      ]
    : [noRow(job, `there is no row for "${scheme}"`, 'scheme')];
}
