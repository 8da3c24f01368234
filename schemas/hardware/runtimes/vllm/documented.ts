// The documented table for what is no NVIDIA GPU: AMD and Intel GPUs, x86 and Arm processors (docs/features/quantization/README.md).

import { refused, targetName } from '../../judge.ts';
import type { Device } from '../../target.ts';
import type { SupportVerdict } from '../../verdict.ts';
import { findRuntime } from '../index.ts';
import { answer, type Job, noRow, REPOSITORY } from './job.ts';

type RowId = 'AWQ' | 'GPTQ' | 'INT8-W8A8' | 'INT8-W4A8' | 'FP8-W8A8' | 'BNB';

const COLUMNS: Readonly<Partial<Record<Device['kind'], string>>> = { rocm: 'AMD GPU', xpu: 'Intel GPU', x86: 'x86 CPU', arm: 'Arm CPU' };
const TABLE = `${REPOSITORY} docs/features/quantization/README.md`;

/** Null on NVIDIA GPUs and without a device: there the code's own limits decide. `row` null: the table has none for this method. */
export function documentedVerdicts(job: Job, row: RowId | null, method: string, problems: readonly SupportVerdict[]): readonly SupportVerdict[] | null {
  const { input, era } = job;
  const { device } = input;
  if (device === null || device.kind === 'cuda') {
    return null;
  }
  const column = COLUMNS[device.kind];
  const found = findRuntime('vllm')?.table.find(({ id }) => id === row);
  if (column === undefined || found === undefined) {
    return [...problems, noRow(job, `the documented table has no ${found === undefined ? `row for ${method}` : `column for ${device.name}`}`)];
  }
  if (era !== 'now') {
    return [...problems, noRow(job, `the table for ${device.name} was read as of 2026-08 only`)];
  }
  if (found.devices[column] === 'yes') {
    return answer(job, problems, `${found.name} on ${column}`, TABLE);
  }
  const runsOn = Object.entries(found.devices).flatMap(([name, cell]) => (cell === 'yes' ? [name] : []));
  return [
    ...problems,
    refused(input, {
      rule: 'VL-TABLE',
      field: 'methods',
      message: `${targetName(input)}: vLLM's table of supported hardware has no ${found.name} on ${column}; it runs on ${runsOn.join(', ')}.`,
    }),
  ];
}
