// What the target picker can offer: every runtime and device the support data knows.
import { devices } from '@quantwright/schemas/hardware/devices';
import { runtimes } from '@quantwright/schemas/hardware/runtimes/index';
import type { TargetChoices } from '@quantwright/schemas/rpc/server';

export function targetChoices(): TargetChoices {
  return { runtimes: runtimes.map(({ id, name, versions }) => ({ id, name, versions })), devices };
}
