// What the user is told when the engine process ended by itself: while it is being restarted, after it was, and when it stays down. Pure.
import type { EngineCrash } from '../../engine/engine-supervisor.ts';

export type AfterCrash = 'restarted' | 'down';

/** Title of the progress notification, which shows one line only; everything else is said when it has ended. */
export const restartingWords = 'The Quantwright engine stopped; it is being restarted';

export function crashWords({ reason, lost }: Pick<EngineCrash, 'reason' | 'lost'>, after: AfterCrash): string {
  return `The Quantwright engine stopped: ${reason}. ${next[after]} ${lostWords(lost)}`;
}

const next: Readonly<Record<AfterCrash, string>> = {
  restarted: 'It was restarted.',
  down: 'It stopped too often within a minute and is not started again by itself.',
};

function lostWords(lost: readonly string[]): string {
  if (lost.length === 0) return 'No job was running, nothing is lost.';
  return `Lost: ${lost.join(', ')}. Start ${lost.length === 1 ? 'it' : 'them'} again when you like.`;
}
