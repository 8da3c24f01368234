// What the user is told when the engine process ended by itself. Pure.
import type { EngineCrash } from '../../engine/engine-supervisor.ts';

export function crashWords({ reason, lost, willRestart }: EngineCrash): string {
  const lostWords =
    lost.length === 0 ? 'No job was running, nothing is lost.' : `Lost: ${lost.join(', ')}. Start ${lost.length === 1 ? 'it' : 'them'} again when you like.`;
  const next = willRestart ? 'It is being restarted.' : 'It stopped too often within a minute and is not started again by itself.';
  return `The Quantwright engine stopped: ${reason}. ${next} ${lostWords}`;
}
