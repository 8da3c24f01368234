// The largest resident memory of this process while something ran. Linux keeps the figure (VmHWM) and can restart it;
// elsewhere it is sampled, which can miss a short peak.
import { readFileSync, writeFileSync } from 'node:fs';

export interface PeakMemory {
  /** Cheap; call at points where much is in memory. */
  sample(): void;
  /** Bytes. */
  peak(): number;
}

export function watchPeakMemory(): PeakMemory {
  const kept = restartHighWaterMark();
  let most = process.memoryUsage.rss();
  const sample = (): void => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  return {
    sample,
    peak: () => {
      sample();
      return kept ? (highWaterMark() ?? most) : most;
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
