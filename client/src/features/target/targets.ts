// Targets as values of the setting `quantwright.targets`, and their words in the status bar and the picker. Pure.
import type { Device, RuntimeId, Target } from '@quantwright/schemas/hardware/target';

/** Entries that are no target are left out; the server says in its log what was wrong with them. */
export function parseTargets(value: unknown): readonly Target[] {
  return Array.isArray(value) ? value.flatMap((entry: unknown) => parseTarget(entry) ?? []) : [];
}

/** "dashinfer · h100 · tp 1" */
export function targetLabel(target: Target): string {
  const version = target.version === null ? '' : ` ${target.version}`;
  return `${target.runtime}${version} · ${target.device === null ? 'any device' : shortDevice(target.device)} · tp ${target.tensorParallel}`;
}

/** Text of the status bar: the first target and how many more there are. */
export function targetsLabel(targets: readonly Target[]): string {
  const [first, ...others] = targets;
  if (first === undefined) return 'No target';
  return others.length === 0 ? targetLabel(first) : `${targetLabel(first)} (+${others.length})`;
}

/** Device ids carry their maker ("nvidia-h100"), which says nothing a reader does not know. */
export function shortDevice(id: string): string {
  return id.replace(/^(nvidia|amd|intel)-/, '');
}

/** One line on what the device is, for the picker. */
export function deviceDetail(device: Device): string {
  const parts: string[] = [device.family];
  if (device.computeCapability !== null) parts.push(`compute capability ${(device.computeCapability / 10).toFixed(1)}`);
  if (device.memoryGiB !== null) parts.push(`${device.memoryGiB} GiB`);
  if (device.simd.length > 0) parts.push(device.simd.join(', '));
  return parts.join(' · ');
}

export function sameTarget(a: Target, b: Target): boolean {
  return a.runtime === b.runtime && a.version === b.version && a.device === b.device && a.tensorParallel === b.tensorParallel;
}

function parseTarget(entry: unknown): Target | null {
  if (typeof entry !== 'object' || entry === null) return null;
  const { runtime, version, device, tensorParallel } = entry as Readonly<Record<string, unknown>>;
  if (typeof runtime !== 'string' || runtime === '') return null;
  const size = typeof tensorParallel === 'number' && Number.isInteger(tensorParallel) && tensorParallel >= 1 ? tensorParallel : 1;
  // The server refuses runtimes it does not know, with their list; here the name only has to survive the way there.
  return { runtime: runtime as RuntimeId, version: textOrNull(version), device: textOrNull(device), tensorParallel: size };
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
