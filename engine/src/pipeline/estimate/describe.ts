// The plan of a job in figures, as people and programs are told it: sizes by kind of tensor, memory by phase, disk and time. Looks at the disk, reads no weight.
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { CalibrationReport, JobPlan } from '@quantwright/schemas/rpc/engine';
import { checkpointBytes } from '../../checkpoint/sharded-writer.ts';
import type { JobMemoryPlan } from '../memory/job.ts';
import { phaseBytes } from '../memory/phase.ts';
import type { QuantizePlan } from '../plan.ts';
import type { PreparedOutput } from '../prepare.ts';
import { maxShardBytes } from '../sink.ts';
import { partsOf } from '../stream.ts';

/** `index`: of the output among those that `memory` was planned for. */
export async function describeJob(output: PreparedOutput, index: number, memory: JobMemoryPlan, seconds: number | null): Promise<JobPlan> {
  const { outDir, job, layout, plan } = output;
  const own = memory.outputs[index];
  return {
    outDir,
    method: job.recipe.methods.join('+'),
    saveFormat: layout.format,
    sizes: sizesOf(plan),
    outputBytes: fileBytes(plan),
    freeDiskBytes: await freeBytes(outDir),
    memory: {
      baseBytes: own?.baseBytes ?? 0,
      limitBytes: memory.limitBytes,
      peakBytes: memory.peakBytes,
      phases: (own?.phases ?? []).map((phase) => ({ phase: phase.phase, at: phase.at, bytes: phaseBytes(phase), parts: phase.parts })),
    },
    seconds,
    calibration: calibrationReport(output),
  };
}

export function calibrationReport({ calibration }: PreparedOutput): CalibrationReport | null {
  if (calibration === null) return null;
  const { text, tokens, seed, sequences } = calibration;
  return { text, tokens, seed, sequences: sequences.length };
}

/** Of the weight files. Tensors whose length the weights decide are in files of their own, and count as planned. */
function fileBytes(plan: QuantizePlan): number {
  const tensors = partsOf(plan).flatMap((part) => part.tensors);
  return checkpointBytes(tensors, maxShardBytes);
}

function sizesOf(plan: QuantizePlan): JobPlan['sizes'] {
  const kinds = new Map<string, { tensors: number; inputBytes: number; outputBytes: number }>();
  const add = (kind: string, inputBytes: number, outputBytes: number): void => {
    const sum = kinds.get(kind) ?? { tensors: 0, inputBytes: 0, outputBytes: 0 };
    kinds.set(kind, { tensors: sum.tensors + 1, inputBytes: sum.inputBytes + inputBytes, outputBytes: sum.outputBytes + outputBytes });
  };
  for (const { module, source, bytes } of plan.modules) add(module.slice(module.lastIndexOf('.') + 1), source.weight.bytes, bytes);
  for (const { name, shape, bytes } of [...plan.copied, ...plan.rewritten.flat()]) add(shape.length < 2 ? 'norms and biases' : copiedKind(name), bytes, bytes);
  return [...kinds].map(([kind, sum]) => ({ kind, ...sum }));
}

/** model.embed_tokens.weight -> embed_tokens, as it is */
function copiedKind(name: string): string {
  return `${
    name
      .replace(/\.weight$/, '')
      .split('.')
      .at(-1) ?? name
  }, as it is`;
}

/** Of the disk that will hold the directory, which may not exist yet. */
async function freeBytes(outDir: string): Promise<number> {
  for (let directory = dirname(resolve(outDir)); ; directory = dirname(directory)) {
    const disk = await statfs(directory).catch(() => null);
    if (disk !== null) return disk.bavail * disk.bsize;
    if (directory === dirname(directory)) return 0;
  }
}
