// One question to SGLang's judge, and what its parts share. Only one state was read, so versions before it are not answered.
import { type JudgeInput, refused, targetName, unknown } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';

export interface Job {
  readonly input: JudgeInput;
  /** Compute capability x10; null: no device is named. */
  readonly capability: number | null;
}

export const QUANTIZATION = 'sgl-project/sglang python/sglang/srt/layers/quantization';

/** Empty when the GPU is new enough, or none is named. */
export function belowFloor({ input, capability }: Job, method: string, needed: number): readonly SupportVerdict[] {
  return capability === null || capability >= needed
    ? []
    : [
        refused(input, {
          rule: 'SG-CAP',
          field: 'methods',
          words: { method, needed, capability },
          message: `${targetName(input)}: ${method} needs compute capability ${dotted(needed)}; this device has ${dotted(capability)}.`,
        }),
      ];
}

export function noRow({ input }: Job, why: string): SupportVerdict {
  return unknown(input, { rule: 'NO-ROW', field: 'methods', message: `${targetName(input)}: ${why}, so nothing is said.` });
}

/** The problems, and the kernel that runs where none of them stops the load or leaves it open. */
export function answer({ input }: Job, problems: readonly SupportVerdict[], kernel: string, file: string): readonly SupportVerdict[] {
  const open = problems.some(({ kind }) => kind === 'refused' || kind === 'unknown');
  return open ? problems : [...problems, { kind: 'supported', target: input.target, kernel, source: `${QUANTIZATION}/${file}` }];
}

export function dotted(capability: number): string {
  return (capability / 10).toFixed(1);
}
