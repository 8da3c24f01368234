// Everything about a job, of one or several outputs, that is known before a weight is read; and the dry run, which ends there.
import type { JobPlan, QuantizeParams, QuantizeProgress } from '@quantwright/schemas/rpc/engine';
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.ts';
import { mapCheckpoint } from '../checkpoint/mapped.ts';
import { describeJob } from './estimate/describe.ts';
import { estimateSeconds } from './estimate/time.ts';
import { type JobMemoryPlan, planMemory } from './memory/job.ts';
import { type OutputRequest, type PreparedOutput, prepareOutput } from './prepare.ts';
import type { QuantizeHooks } from './quantize.ts';

export interface PreparedJob {
  readonly outputs: readonly PreparedOutput[];
  readonly checkpoint: Checkpoint;
  readonly planned: JobMemoryPlan;
}

export type JobParams = Omit<QuantizeParams, keyof OutputRequest>;

/** Throws EngineError: `config` (refused, with findings or settings that would do), `input`, `checkpoint`, `io`. */
export async function prepareJob(params: JobParams, requests: readonly OutputRequest[], hooks: QuantizeHooks): Promise<PreparedJob> {
  const open = onceOpened(params.modelDir);
  const outputs: PreparedOutput[] = [];
  for (const request of requests) {
    const onProgress = (progress: QuantizeProgress): void => hooks.onProgress?.(progress, outputs.length);
    const searchHooks = async () => ({
      signal: hooks.signal,
      onProgress,
      binding: await hooks.loadBinding(),
      memoryLimitBytes: params.memoryLimitBytes,
    });
    outputs.push(await prepareOutput(request, { ...params, checkpoint: open, hooks: searchHooks }));
  }
  const planned = planMemory(outputs, params.memoryLimitBytes ?? null, process.memoryUsage.rss());
  return { outputs, checkpoint: await open(), planned };
}

/** What the job would do: sizes, memory, disk, and the time from a trial of two seconds, of which nothing is kept. Throws as prepareJob. */
export async function planJob(params: JobParams, requests: readonly OutputRequest[], hooks: QuantizeHooks): Promise<readonly JobPlan[]> {
  const { outputs, checkpoint, planned } = await prepareJob(params, requests, hooks);
  const binding = await hooks.loadBinding();
  const mapped = mapCheckpoint(checkpoint, binding);
  try {
    const plans: JobPlan[] = [];
    for (const [index, output] of outputs.entries()) {
      const budgetBytes = planned.outputs[index]?.budgetBytes ?? 0;
      const seconds = await estimateSeconds(output, { binding, mapped, budgetBytes, signal: hooks.signal, seconds: 2 / outputs.length });
      plans.push(await describeJob(output, index, planned, seconds));
    }
    return plans;
  } finally {
    mapped.close();
  }
}

function onceOpened(modelDir: string): () => Promise<Checkpoint> {
  let opened: Promise<Checkpoint> | null = null;
  return () => {
    opened ??= openCheckpoint(modelDir);
    return opened;
  };
}
