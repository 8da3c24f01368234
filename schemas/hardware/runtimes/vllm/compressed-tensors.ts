// compressed-tensors in vLLM: one scheme for each combination of weight and activation types (compressed_tensors.py :: _get_scheme_from_parts).
import { refused, targetName } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { mixedShards } from '../mixed-shards.ts';
import { documentedVerdicts } from './documented.ts';
import { smallFloats } from './fp4.ts';
import { floats } from './fp8.ts';
import { integerActivations } from './integer-activations.ts';
import { w4a8Fp8, w4a8Int, w8a8 } from './integers.ts';
import { again, capabilityVerdicts, type Floor, type Job, noRow } from './job.ts';
import { exactVerdicts, groupSplit, mixtureVerdicts, orderVerdicts, tileVerdicts, withKernel } from './packed.ts';
import { kernelChoiceElsewhere } from './packed-elsewhere.ts';
import { symmetricNearest } from './symmetric.ts';

export function judgeCompressedTensors(job: Job): readonly SupportVerdict[] {
  return [...fusedVerdicts(job), ...byTypes(job)];
}

/** q, k, v and gate, up are one matrix there, with one scheme. */
function fusedVerdicts({ input }: Job): readonly SupportVerdict[] {
  const { recipe, model } = input;
  const mixed = model === null ? null : mixedShards(recipe, model, true);
  if (mixed === null) {
    return [];
  }
  const left = mixed.firstHas === 'floating point' || mixed.otherHas === 'floating point';
  return [
    refused(input, {
      rule: 'VL-CT-FUSED',
      field: left ? 'ignore' : 'overrides',
      words: { shards: `${mixed.first}, ${mixed.other}`, layer: mixed.first.replace(/\.[^.]*$/, '') },
      message: `${targetName(input)}: ${mixed.first} has ${mixed.firstHas} and ${mixed.other} ${mixed.otherHas}; both are loaded into one matrix, so ${left ? 'ignore all of its shards or none' : 'give its shards one setting'}.`,
    }),
  ];
}

function byTypes(job: Job): readonly SupportVerdict[] {
  const { weights, activations } = job.input.recipe;
  const floor = (name: string, floors: Floor): readonly SupportVerdict[] => capabilityVerdicts(job, name, floors, 'VL-CT-CAP');
  switch (weights.dtype) {
    case 'int':
      return integers(job);
    case 'fp8_e4m3':
      return activations === null
        ? floats(job, floor('W8A16 FP8', { now: 75, old: 80 }), 'compressed_tensors/schemes/compressed_tensors_w8a16_fp8.py')
        : floats(job, floor('FP8', { now: 75, old: 80 }), 'compressed_tensors/schemes/compressed_tensors_w8a8_fp8.py');
    case 'nvfp4':
      return smallFloats(job, 'nvfp4', floor('NVFP4', { now: 75, old: 80 }));
    case 'mxfp4':
      return smallFloats(job, 'mxfp4', floor('MXFP4', { now: 80, old: null }));
    case 'mxfp8':
      return smallFloats(job, 'mxfp8', floor('MXFP8', { now: 75, old: null }));
    default:
      return [noRow(job, `compressed-tensors with ${weights.dtype} weights was not read`, 'weights.dtype')];
  }
}

function integers(job: Job): readonly SupportVerdict[] {
  const { weights, activations } = job.input.recipe;
  if (activations === null) {
    return packed(job);
  }
  const type = activations.dtype ?? 'int';
  if (weights.bits === 8 && type === 'int' && activations.bits === 8) {
    return w8a8(job);
  }
  if (weights.bits === 4 && type === 'int' && activations.bits === 8) {
    return w4a8Int(job);
  }
  if (weights.bits === 4 && type === 'fp8_e4m3') {
    return w4a8Fp8(job);
  }
  if (type === 'int' && (weights.bits === 4 || weights.bits === 8)) {
    return integerActivations(job, weights.bits === 8);
  }
  if (type === 'int') {
    const nearest = { field: 'weights.bits', value: 8, words: again(job.input, 'weights of 8 bits') } as const;
    const message = `${targetName(job.input)}: integer activations go with weights of 8 bits (or 4), not ${weights.bits}.`;
    return [refused(job.input, { rule: 'VL-CT-NOSCHEME', field: 'weights.bits', nearest, message })];
  }
  return [noRow(job, `${weights.bits}-bit weights with ${activations.bits}-bit ${type} activations were not read`, 'activations')];
}

/** WNA16: packed integers, 16-bit activations. */
function packed(job: Job): readonly SupportVerdict[] {
  const { input, era } = job;
  const { weights } = input.recipe;
  const problems: SupportVerdict[] = [...typeVerdicts(job), ...orderVerdicts(job), ...groupSplit(job, true)];
  const elsewhere = kernelChoiceElsewhere(job, problems);
  if (elsewhere !== null) {
    return elsewhere;
  }
  const documented = documentedVerdicts(job, null, 'packed compressed-tensors weights', problems);
  if (documented !== null) {
    return documented;
  }
  problems.push(...capabilityVerdicts(job, `W${weights.bits}A16`, { now: 75, old: 80 }, 'VL-CT-CAP'));
  if (era === 'old') {
    problems.push(...tileVerdicts(job));
  }
  return withKernel(job, [...problems, ...mixtureVerdicts(job), ...exactVerdicts(job)]);
}

function typeVerdicts(job: Job): readonly SupportVerdict[] {
  const { input, era } = job;
  const { bits, symmetric } = input.recipe.weights;
  const experts = input.model?.experts ?? 0;
  if (!symmetric && bits !== 4 && bits !== 8) {
    return [
      refused(input, {
        rule: 'VL-CT-ASYM',
        field: 'weights.symmetric',
        words: { bits },
        message: `${targetName(input)}: asymmetric weights have 4 or 8 bits there, not ${bits}.`,
        nearest: { field: 'weights.bits', value: bits < 4 ? 4 : 8, words: again(input, bits < 4 ? '4 bits' : '8 bits') },
      }),
    ];
  }
  if (bits !== 4 && bits !== 8) {
    const rule = {
      rule: 'VL-CT-NOSCHEME',
      field: 'weights.bits',
      nearest: { field: 'weights.bits', value: bits < 4 ? 4 : 8, words: again(input, bits < 4 ? '4 bits' : '8 bits') },
    } as const;
    return era === 'old'
      ? [refused(input, { ...rule, message: `${targetName(input)}: packed weights have 4 or 8 bits there, not ${bits}.` })]
      : [noRow(job, `packed ${bits}-bit weights were not read`, 'weights.bits')];
  }
  return symmetric || experts === 0
    ? []
    : [
        refused(input, {
          rule: 'VL-CT-MOE-ASYM',
          field: 'weights.symmetric',
          message: `${targetName(input)}: the kernels of mixtures take symmetric weights only, and this model has ${experts} experts.`,
          nearest: symmetricNearest(input, 'symmetric weights'),
        }),
      ];
}
