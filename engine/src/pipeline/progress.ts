// Progress of a quantization job as its contract has it (schemas/rpc/engine.ts): the plan first, then one event a module with the time that is left.
import type { JobPlan, QuantizeProgress } from '@quantwright/schemas/rpc/engine';
import type { PlannedModule, QuantizePlan } from './plan.ts';

export interface JobProgress {
  /** Calibration sequences of `of` have run through the block; a block is run more than once. */
  calibrate(block: number, done: number, of: number): void;
  /** A step of `of` of training one block, or (null) all of them together. */
  train(block: number | null, step: number, of: number, loss: number): void;
  finish(module: PlannedModule, sqnrDb: number): void;
  /** The module was finished by an earlier run; it does not count for the speed. */
  skip(module: PlannedModule): void;
}

/** Sends the plan at once. */
export function createProgress(plan: QuantizePlan, job: JobPlan, send: ((progress: QuantizeProgress) => void) | undefined): JobProgress {
  const bytesTotal = plan.modules.reduce((total, module) => total + module.source.weight.bytes, 0);
  const started = performance.now();
  let bytesDone = 0;
  let bytesSkipped = 0;
  let index = 0;
  send?.({
    phase: 'plan',
    blocks: plan.blocks.length,
    modules: plan.modules.length,
    inputBytes: plan.inputBytes,
    outputBytes: plan.outputBytes,
    peakMemoryBytes: job.memory.peakBytes,
    plan: job,
  });
  return {
    calibrate: (block, sequencesDone, sequences) => send?.({ phase: 'calibrate', block, blocks: plan.blocks.length, sequencesDone, sequences }),
    train: (block, step, steps, loss) => send?.({ phase: 'train', block, blocks: plan.blocks.length, step, steps, loss }),
    skip: (module) => {
      bytesDone += module.source.weight.bytes;
      bytesSkipped += module.source.weight.bytes;
      index++;
    },
    finish: (module, sqnrDb) => {
      bytesDone += module.source.weight.bytes;
      const seconds = (performance.now() - started) / 1000;
      const speed = (bytesDone - bytesSkipped) / Math.max(seconds, 1e-3);
      send?.({
        phase: 'module',
        block: module.block,
        blocks: plan.blocks.length,
        module: module.module,
        index: index++,
        modules: plan.modules.length,
        bytesDone,
        bytesTotal,
        etaSeconds: (bytesTotal - bytesDone) / speed,
        sqnrDb,
      });
    },
  };
}
