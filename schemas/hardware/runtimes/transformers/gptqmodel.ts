// GPTQ and AWQ weights in Transformers run on GPTQModel's kernels: which of them takes the bits and the group size.
// Source: ModelCloud/GPTQModel gptqmodel/nn_modules/qlinear/*.py :: SUPPORTS_* (support-tables section 6).
import { groupClosest, groupProblem, groupWords } from '../../group-size.ts';
import { type JudgeInput, type Reason, targetName } from '../../judge.ts';

const MARLIN_GROUPS = [-1, 32, 64, 128];
const AWQ_GROUPS = [-1, 16, 32, 64, 128];
/** The torch kernel takes every size between these. */
const TORCH_LEAST = 16;
const TORCH_MOST = 1024;
const USUAL = [-1, 16, 32, 64, 128, 256, 512, 1024];

/** A kernel, or why there is none. */
export type KernelChoice = { readonly kernel: string } | { readonly problem: Reason };

export function gptqKernel(input: JudgeInput): KernelChoice {
  const { bits, groupSize } = input.recipe.weights;
  const name = targetName(input);
  if (![2, 3, 4, 8].includes(bits)) {
    const nearest = { field: 'weights.bits', value: bits > 4 ? 8 : 4, words: bits > 4 ? '8 bits' : '4 bits' } as const;
    return {
      problem: {
        rule: 'HF-GPTQ-BITS',
        field: 'weights.bits',
        words: { bits },
        nearest,
        message: `${name}: GPTQ weights of ${bits} bits are refused; 2, 3, 4 and 8 load.`,
      },
    };
  }
  if (groupSize !== -1 && (groupSize < TORCH_LEAST || groupSize > TORCH_MOST)) {
    return {
      problem: {
        rule: 'GM-GROUP',
        field: 'weights.groupSize',
        nearest: groupClosest(input, USUAL, groupSize),
        message: `${name}: no GPTQModel kernel takes group_size ${groupSize}; the widest of them has -1 and ${TORCH_LEAST} to ${TORCH_MOST}.`,
      },
    };
  }
  const problem = groupProblem(input, 'DIV-K', USUAL);
  return problem === null ? { kernel: `GPTQModel ${onCuda(input) ? cudaKernel(input) : 'torch'}` } : { problem };
}

/** Marlin needs 7.5 (support-tables section 2.4); what is older takes the next kernel. */
const MARLIN_CAPABILITY = 75;

function cudaKernel({ recipe, device }: JudgeInput): string {
  const { bits, groupSize, symmetric } = recipe.weights;
  const marlin = (device?.computeCapability ?? MARLIN_CAPABILITY) >= MARLIN_CAPABILITY;
  if (marlin && (bits === 4 || bits === 8) && symmetric && MARLIN_GROUPS.includes(groupSize)) {
    return 'marlin';
  }
  return bits === 4 && MARLIN_GROUPS.includes(groupSize) ? 'exllama v2' : 'torch';
}

export function awqKernel(input: JudgeInput): KernelChoice {
  const { bits, groupSize } = input.recipe.weights;
  const name = targetName(input);
  if (bits !== 4 && bits !== 8) {
    return {
      problem: {
        rule: 'GM-AWQ-BITS',
        field: 'weights.bits',
        nearest: { field: 'weights.bits', value: 4, words: '4 bits' },
        message: `${name}: no GPTQModel kernel takes AWQ weights of ${bits} bits; there are kernels for 4, and marlin for 8.`,
      },
    };
  }
  const groups = bits === 4 ? AWQ_GROUPS : MARLIN_GROUPS;
  if (!groups.includes(groupSize)) {
    return {
      problem: {
        rule: 'GM-AWQ-GROUP',
        field: 'weights.groupSize',
        nearest: groupClosest(input, groups, groupSize),
        message: `${name}: no GPTQModel kernel takes ${bits}-bit AWQ weights with ${groupWords(groupSize)}; there are ${groups.join(', ')}.`,
      },
    };
  }
  const problem = groupProblem(input, 'DIV-K', groups);
  if (problem !== null) {
    return { problem };
  }
  const { variant } = input.recipe;
  const own = variant === 'gemv' || variant === 'gemv_fast' ? variant : bits === 8 || groupSize !== 16 ? 'marlin or gemm' : 'gemm';
  return { kernel: `GPTQModel AWQ ${bits === 8 ? 'marlin' : own}` };
}

function onCuda({ device }: JudgeInput): boolean {
  return device === null || device.kind === 'cuda';
}
