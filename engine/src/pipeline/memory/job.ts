// The memory of a whole job: of one output, or of several that are made of one reading of the source. Outputs take turns, so that only what calibration keeps
// between the blocks adds up.
import { EngineError } from '../../errors.ts';
import type { PreparedOutput } from '../prepare.ts';
import { type JobMemory, jobMemory, memoryRefusal } from './phase.ts';

/** The addon, its threads, and the code that is not compiled yet. */
const runtimeBytes = 20 * 2 ** 20;

/** What the heap grows by in a job of some length. */
const grownBytes = 12 * 2 ** 20;

export interface JobMemoryPlan {
  readonly limitBytes: number | null;
  readonly peakBytes: number;
  /** Of every output, in their order. */
  readonly outputs: readonly JobMemory[];
}

/** `limitBytes`: the caller's; else the least that a config names. `baseBytes`: of the process now. Throws kind `config` when the job cannot keep the limit, with settings that would. */
export function planMemory(outputs: readonly PreparedOutput[], limitBytes: number | null, baseBytes: number): JobMemoryPlan {
  const named = outputs.flatMap(({ job }) => (job.recipe.memoryLimitBytes === null ? [] : [job.recipe.memoryLimitBytes]));
  const limit = limitBytes ?? (named.length === 0 ? null : Math.min(...named));
  const input = Math.max(...outputs.map(({ plan }) => plan.inputBytes));
  const base = baseBytes + runtimeBytes + Math.min(grownBytes, input / 16);
  const calibrated = outputs.filter(({ calibration }) => calibration !== null);
  // Every calibrated output gets the same part of what there is.
  const share = (output: PreparedOutput): number | null =>
    limit === null || output.calibration === null || calibrated.length === 1 ? limit : base + (limit - base) / calibrated.length;
  const each = outputs.map((output) => {
    const memory = jobMemory(output.demands, base, share(output));
    const refusal = memoryRefusal(output.demands, memory, share(output));
    if (refusal !== null) throw new EngineError('config', `${output.configPath}: ${refusal}`, { file: output.configPath });
    return memory;
  });
  const kept = each.filter((_, index) => outputs[index]?.calibration !== null).reduce((sum, { peakBytes }) => sum + peakBytes - base, 0);
  return { limitBytes: limit, outputs: each, peakBytes: Math.max(base + kept, ...each.map(({ peakBytes }) => peakBytes)) };
}
