// A job that gives way to other work on this machine: half of the threads, the lowest priority, and rests between modules while others need the processor.
// The priority is the process's: jobs that run beside it (a chat of the same engine) are slowed too, so it is given back as soon as the job ends.
import { constants, cpus, getPriority, setPriority } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { NativeBinding } from '@quantwright/native/binding';

export interface Background {
  /** Waits while other programs need the processor; called between modules. Rejects with the signal's reason. */
  rest(): Promise<void>;
  end(): void;
}

/** The longest rest: a machine that is never idle must not stop the job. */
const mostRestMs = 2000;
const lookMs = 50;
/** Of one core: more than this used by others counts as work. */
const busyCores = 0.5;

export function beginBackground(binding: NativeBinding, signal: AbortSignal | undefined): Background {
  const { threads } = binding.cpuInfo();
  const before = priority();
  binding.setThreads(Math.max(1, Math.floor(threads / 2)));
  lower();
  return {
    rest: async () => {
      for (let rested = 0; rested < mostRestMs; rested += lookMs) if (!(await othersWork(signal))) return;
    },
    end: () => {
      binding.setThreads(threads);
      // Systems that let nobody raise a priority again keep it low until the process ends.
      if (before !== null) attempt(() => setPriority(before));
    },
  };
}

/** Looks for a moment in which this process does nothing. */
async function othersWork(signal: AbortSignal | undefined): Promise<boolean> {
  const [used, own, began] = [usedMs(), process.cpuUsage(), performance.now()];
  await setTimeout(lookMs, undefined, signal === undefined ? {} : { signal });
  const mine = process.cpuUsage(own);
  return usedMs() - used - (mine.user + mine.system) / 1000 > busyCores * (performance.now() - began);
}

/** Of all processes at a priority that this one gives way to. */
function usedMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.sys, 0);
}

function priority(): number | null {
  return attempt(() => getPriority());
}

function lower(): void {
  attempt(() => setPriority(constants.priority.PRIORITY_LOW));
}

/** Null: the system does not allow it. The job is then only less modest, which is no reason to end it. */
function attempt<T>(change: () => T): T | null {
  try {
    return change();
  } catch {
    return null;
  }
}
