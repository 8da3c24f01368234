// The plan of a job for people: `quantize --dry-run`.
import type { JobPlan } from '@quantwright/schemas/rpc/engine';
import { bytesText, secondsText } from './table.ts';

export function planText(plan: JobPlan): string {
  const { memory, calibration } = plan;
  const width = Math.max(...plan.sizes.map(({ kind }) => kind.length));
  const phases = [...memory.phases].sort((a, b) => b.bytes - a.bytes);
  const limit = memory.limitBytes === null ? '' : ` (limit ${bytesText(memory.limitBytes)})`;
  return [
    `${plan.outDir}: ${plan.method}, saved as ${plan.saveFormat}`,
    ...plan.sizes.map(
      ({ kind, tensors, inputBytes, outputBytes }) =>
        `  ${kind.padEnd(width)}  ${String(tensors).padStart(4)}  ${bytesText(inputBytes)} -> ${bytesText(outputBytes)}`,
    ),
    `  files        ${bytesText(plan.outputBytes)}, of ${bytesText(plan.freeDiskBytes)} free`,
    `  peak memory  ${bytesText(memory.peakBytes)}${limit}: ${bytesText(memory.baseBytes)} for the process`,
    ...phases.map(
      ({ phase, at, bytes, parts }) => `    ${phase} ${at}: ${bytesText(bytes)} (${parts.map((part) => `${part.what} ${bytesText(part.bytes)}`).join(', ')})`,
    ),
    ...(calibration === null ? [] : [`  calibration  ${calibration.sequences} sequences, ${calibration.tokens} tokens of ${calibration.text}`]),
    `  time         ${plan.seconds === null ? 'the first block will tell' : `about ${secondsText(plan.seconds)}`}`,
    '',
  ].join('\n');
}
