// The first message of the engine is judged here: both ends must speak the same protocol, else nothing else can be trusted.
import { protocolVersion, type Ready } from '@quantwright/schemas/rpc/engine';

/** null when the two fit; else what is wrong, with both numbers, and what to do. */
export function protocolProblem(ready: Pick<Ready, 'protocol' | 'version'>, expected: number = protocolVersion): string | null {
  if (ready.protocol === expected) return null;
  return (
    `The engine (version ${ready.version}) speaks protocol ${ready.protocol}, this extension speaks protocol ${expected}. ` +
    'The installation is mixed from two versions: uninstall Quantwright and install it again.'
  );
}
