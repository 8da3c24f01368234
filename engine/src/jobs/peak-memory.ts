// The largest resident memory of this process while something ran. Linux keeps the figure (VmHWM) and can restart it;
// elsewhere it is sampled, which can miss a short peak.
import { readFileSync, writeFileSync } from 'node:fs';

export interface PeakMemory {
  /** Cheap; call at points where much is in memory. */
  sample(): void;
  /** Bytes. */
  peak(): number;
}

/** Marks that restarts have ended, in their order: a watcher that began before a restart still counts what was before it. */
const ended: number[] = [];

export function watchPeakMemory(): PeakMemory {
  const mark = highWaterMark();
  const kept = restartHighWaterMark();
  if (kept && mark !== null) ended.push(mark);
  const first = ended.length;
  let most = process.memoryUsage.rss();
  const sample = (): void => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  return {
    sample,
    peak: () => {
      sample();
      return Math.max(kept ? (highWaterMark() ?? most) : most, ...ended.slice(first));
    },
  };
}

/** Writing 5 to clear_refs sets VmHWM back to the present size (proc(5)). */
function restartHighWaterMark(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return highWaterMark() !== null;
  } catch {
    return false; // not Linux, or not permitted: sampling is the stated fallback
  }
}

function highWaterMark(): number | null {
  try {
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return match?.[1] === undefined ? null : Number(match[1]) * 1024;
  } catch {
    return null;
  }
}
