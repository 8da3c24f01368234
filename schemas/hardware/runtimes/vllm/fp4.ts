// NVFP4 and MXFP4, and MXFP8, in vLLM: computed on Blackwell, weight-only in Marlin before it.
import { fallsBack, targetName } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { documentedVerdicts } from './documented.ts';
import { answer, dotted, type Job, QUANTIZATION } from './job.ts';

const NAMES = { nvfp4: 'NVFP4', mxfp4: 'MXFP4', mxfp8: 'MXFP8' } as const;
export type SmallFloat = keyof typeof NAMES;

const BLACKWELL = 100;

export function smallFloats(job: Job, kind: SmallFloat, capability: readonly SupportVerdict[]): readonly SupportVerdict[] {
  const { input } = job;
  const name = NAMES[kind];
  const documented = documentedVerdicts(job, null, name, []);
  if (documented !== null) {
    return documented;
  }
  const before = job.capability !== null && job.capability < BLACKWELL;
  const both = input.recipe.activations !== null;
  const weightOnly = !both || before;
  // gpt-oss: from Hopper on its kernel depends on what is installed.
  const own = kind === 'mxfp4' && !both && (job.capability === null || job.capability >= 90);
  const kernel = own ? 'MXFP4' : kind === 'mxfp8' ? 'MXFP8' : weightOnly ? `Marlin FP4 (${name} weight-only)` : `${name} (W4A4)`;
  return answer(job, [...capability, ...(both && before && kind === 'nvfp4' ? [emulated(job, name)] : [])], kernel, `${QUANTIZATION}/utils`);
}

function emulated({ input, capability }: Job, name: string): SupportVerdict {
  return fallsBack(input, {
    rule: 'VL-FP4-W4A16',
    field: 'methods',
    to: `Marlin FP4 (${name} weight-only)`,
    cost: 'the memory of 4 bits, but 16-bit arithmetic',
    message: `${targetName(input)}: ${name} arithmetic exists from compute capability 10.0 (Blackwell); on ${dotted(capability ?? 0)} the weights run weight-only or emulated, slower than expected.`,
  });
}
