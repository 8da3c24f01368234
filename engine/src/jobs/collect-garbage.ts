// Asks V8 to collect now. Buffers and native objects outside of its heap are freed with the JavaScript objects that hold them; between the passes of a job
// those are so few that V8 sees no reason to look for them, and so large that a memory limit cannot wait until it does.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | null = null;

/** Resolves when what was found has been freed. */
export async function collectGarbage(): Promise<void> {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    const found: unknown = runInNewContext('gc');
    collect = typeof found === 'function' ? () => found() : () => undefined;
  }
  collect();
  // Native objects end in a later turn.
  await new Promise((resolve) => setImmediate(resolve));
}
