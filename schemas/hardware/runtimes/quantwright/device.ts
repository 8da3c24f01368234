// Our runtime on a device: CUDA where a kernel has it, else the processor's instruction sets.
import { fallsBack, type JudgeInput, refused, targetName } from '../../judge.ts';
import type { SupportVerdict } from '../../verdict.ts';
import type { KernelRow } from '../kernel-row.ts';

export function deviceVerdicts(input: JudgeInput, row: KernelRow | null): readonly SupportVerdict[] {
  const { device, target } = input;
  if (target.tensorParallel > 1) {
    return [
      refused(input, {
        rule: 'QW-16',
        field: 'methods',
        message: `${targetName(input)}: this runtime keeps a model on one device, so tensor parallel ${target.tensorParallel} is not possible; choose 1.`,
      }),
    ];
  }
  if (device === null || row === null) {
    return [];
  }
  if (device.kind === 'cuda') {
    return row.cuda.length > 0
      ? []
      : [
          refused(input, {
            rule: 'QW-07',
            field: 'methods',
            message: `${targetName(input)}: the ${row.codec} kernel has no CUDA version yet; choose a CPU as the target device.`,
          }),
        ];
  }
  if (device.kind !== 'x86' && device.kind !== 'arm') {
    return [
      refused(input, {
        rule: 'QW-07',
        field: 'methods',
        message: `${targetName(input)}: the ${row.codec} kernel runs on processors only; choose a CPU as the target device.`,
      }),
    ];
  }
  return row.simd.some((level) => device.simd.includes(level))
    ? []
    : [
        fallsBack(input, {
          rule: 'QW-08',
          field: 'methods',
          to: `${row.codec} (serial)`,
          cost: 'many times slower than a vector kernel',
          message: `${targetName(input)}: the ${row.codec} kernel has no version for its instruction sets (${device.simd.join(', ')}); the serial one runs, many times slower.`,
        }),
      ];
}
