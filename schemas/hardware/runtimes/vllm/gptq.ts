// GPTQ checkpoints in vLLM. Now: Marlin and its kin only, symmetric 4 and 8 bits (quantization/auto_gptq.py). In 0.10 everything else went to Exllama
// in float16 (quantization/gptq.py).
import { groupClosest } from '../../group-size.ts';
import { fallsBack, ignored, refused, targetName } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { documentedVerdicts } from './documented.ts';
import { again, answer, between, capabilityVerdicts, dotted, type Job, QUANTIZATION } from './job.ts';
import { exactVerdicts, groupSplit, mixtureVerdicts, orderVerdicts, tileVerdicts, withKernel } from './packed.ts';
import { symmetricNearest } from './symmetric.ts';
import { kernelsOf, MARLIN_GROUPS } from './wna16.ts';

export function judgeGptq(job: Job): readonly SupportVerdict[] {
  const { input, era } = job;
  const { weights } = input.recipe;
  const problems = [...layoutVerdicts(job), ...typeVerdicts(job), ...groupVerdicts(job), ...orderVerdicts(job), ...groupSplit(job, false)];
  const documented = documentedVerdicts(job, 'GPTQ', 'GPTQ', problems);
  if (documented !== null) {
    return documented;
  }
  const marlin = (weights.bits === 4 || weights.bits === 8) && weights.symmetric && MARLIN_GROUPS.includes(weights.groupSize);
  if (era === 'old' && (!marlin || needsExllama(job))) {
    return answer(job, [...problems, ...exllamaVerdicts(job, marlin)], 'Exllama (float16)', `${QUANTIZATION}/gptq.py`);
  }
  return withKernel(job, [...problems, ...capabilities(job), ...mixtureVerdicts(job), ...exactVerdicts(job)]);
}

/** Symmetric codes have no zero points to misread, but the file is not what the loader knows either way. */
function layoutVerdicts(job: Job): readonly SupportVerdict[] {
  const { input, era } = job;
  if (input.recipe.variant !== 'gptq_v2') {
    return [];
  }
  if (era === 'between') {
    return [between(job, 'loading gptq_v2', 'variant')];
  }
  return [
    ignored(input, {
      rule: 'VL-GPTQ-V2',
      field: input.intent === 'run' ? 'variant' : 'saveFormat',
      message: `${targetName(input)}: gptq_v2 is read as if it were gptq; their zero points differ by one, and the model answers nonsense.`,
      nearest: input.intent === 'run' ? null : { field: 'saveFormat', value: 'gptq', words: 'save_format gptq' },
    }),
  ];
}

function typeVerdicts(job: Job): readonly SupportVerdict[] {
  const { input, era } = job;
  const { bits, symmetric } = input.recipe.weights;
  if (bits !== 2 && bits !== 3 && bits !== 4 && bits !== 8) {
    const nearest = { field: 'weights.bits', value: bits < 8 ? 4 : 8, words: again(input, bits < 8 ? '4 bits' : '8 bits') } as const;
    return [
      refused(input, { rule: 'VL-GPTQ-BITS', field: 'weights.bits', nearest, message: `${targetName(input)}: there is no GPTQ kernel for ${bits} bits.` }),
    ];
  }
  if ((bits === 4 || bits === 8) && symmetric) {
    return [];
  }
  const what = `${bits}-bit ${symmetric ? 'symmetric' : 'asymmetric (sym false)'} GPTQ`;
  if (era !== 'now') {
    return era === 'old' ? [] : [between(job, `loading ${what}`, symmetric ? 'weights.bits' : 'weights.symmetric')];
  }
  const bitsFit = bits === 4 || bits === 8;
  return [
    refused(input, {
      rule: 'VL-GPTQ-TYPE',
      field: bitsFit ? 'weights.symmetric' : 'weights.bits',
      words: { bits, sym: symmetric ? 'True' : 'False' },
      message: `${targetName(input)}: ${what} weights do not load; 4 and 8 bits with sym true do.`,
      nearest: bitsFit ? symmetricNearest(input, 'symmetric weights (sym true)') : symmetricNearest(input, '4 bits, symmetric', 4),
    }),
  ];
}

function groupVerdicts(job: Job): readonly SupportVerdict[] {
  const { input, era } = job;
  const { groupSize } = input.recipe.weights;
  if (MARLIN_GROUPS.includes(groupSize) || era === 'old') {
    return [];
  }
  if (era === 'between') {
    return [between(job, `GPTQ with group_size ${groupSize}`, 'weights.groupSize')];
  }
  return [
    refused(input, {
      rule: 'VL-MARLIN-GROUP',
      field: 'weights.groupSize',
      words: { group: groupSize },
      message: `${targetName(input)}: GPTQ weights have group sizes -1, 32, 64 or 128 there, not ${groupSize}.`,
      nearest: groupClosest(input, MARLIN_GROUPS, groupSize),
    }),
  ];
}

/** The documented minimum is 60, but the linear method verifies Marlin, which needs 75 (in 0.10: 80, and below it Exllama from 60). */
function capabilities(job: Job): readonly SupportVerdict[] {
  const { input, era, capability } = job;
  const { bits, groupSize } = input.recipe.weights;
  const nominal = capabilityVerdicts(job, 'gptq', { now: 60, old: 60 }, 'VL-CAP');
  if (nominal.length > 0 || capability === null || capability >= 75 || era === 'old') {
    return nominal;
  }
  return era === 'between'
    ? [between(job, `GPTQ on compute capability ${dotted(capability)}`)]
    : [
        refused(input, {
          rule: 'VL-GPTQ-CC',
          field: 'methods',
          words: { type: bits === 4 ? 'uint4b8' : 'uint8b128', group: groupSize, capability },
          message: `${targetName(input)}: GPTQ weights run in Marlin, which needs compute capability 7.5 (the documented table says otherwise); this device has ${dotted(capability)}.`,
        }),
      ];
}

/** Marlin of 0.10 does not take the model's sizes or the GPU; Exllama may. */
function needsExllama(job: Job): boolean {
  const choice = job.capability === null ? null : kernelsOf(job);
  return job.capability !== null && (choice === null || choice.kernel.includes('Exllama'));
}

function exllamaVerdicts(job: Job, marlin: boolean): readonly SupportVerdict[] {
  const { input, capability } = job;
  const dtype = input.model?.dtype ?? null;
  const floor = capabilityVerdicts(job, 'gptq', { now: 60, old: 60 }, 'VL-CAP');
  if (dtype === 'bfloat16') {
    const tiles = marlin ? tileVerdicts(job) : [];
    return tiles.length > 0
      ? [...floor, ...tiles]
      : [
          ...floor,
          refused(input, {
            rule: 'VL-DTYPE',
            field: 'computeDtype',
            words: { method: 'gptq' },
            message: `${targetName(input)}: these GPTQ weights run in Exllama, which computes in float16 only, and the model's dtype is bfloat16; start vLLM with --dtype float16.`,
          }),
        ];
  }
  if (!marlin || capability === null) {
    return floor;
  }
  return [
    ...floor,
    fallsBack(input, {
      rule: 'VL-EXLLAMA',
      field: 'weights',
      to: 'Exllama (float16)',
      cost: 'slower',
      message: `${targetName(input)}: Marlin of this version does not take ${capability < 80 ? 'this GPU' : "the model's sizes (multiples of 128 inputs and 64 outputs)"}; Exllama runs in float16, slower.`,
    }),
  ];
}
