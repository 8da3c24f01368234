// --runtime, --device and --tp -> what configs are judged against. Every wrong name is told with the nearest right one.
import { nearestWord } from '@quantwright/schemas/check/nearest-word';
import { devices, findDevice } from '@quantwright/schemas/hardware/devices';
import { findRuntime, runtimes } from '@quantwright/schemas/hardware/runtimes/index';
import type { RuntimeData } from '@quantwright/schemas/hardware/runtimes/runtime-data';
import type { RuntimeId, Target } from '@quantwright/schemas/hardware/target';
import { inRange } from '@quantwright/schemas/hardware/version-range';
import { doctorReport } from '../../jobs/doctor.ts';
import { UsageError } from '../run-command.ts';

export interface AskedTargets {
  readonly runtimes: readonly { readonly id: RuntimeId; readonly version: string | null }[];
  /** Ids; empty: none named. */
  readonly devices: readonly string[];
  readonly tensorParallel: number;
}

export interface TargetOptions {
  readonly runtime: readonly string[];
  readonly device: readonly string[];
  readonly tp?: number;
}

/** `here`: the device of this machine, asked only for `--device this`. Throws UsageError. */
export async function askedTargets(options: TargetOptions, here: () => Promise<string | null> = deviceHere): Promise<AskedTargets> {
  const wanted = options.runtime.flatMap(runtimeVersions);
  const named: string[] = [];
  for (const name of options.device) named.push(name === 'this' ? await thisDevice(here) : deviceId(name));
  return { runtimes: wanted, devices: [...new Set(named)], tensorParallel: options.tp ?? 1 };
}

/** Every runtime on every device; a runtime alone where no device is named. */
export function targetsOf({ runtimes: wanted, devices: named, tensorParallel }: AskedTargets): readonly Target[] {
  const places = named.length === 0 ? [null] : named;
  return wanted.flatMap(({ id, version }) => places.map((device) => ({ runtime: id, version, device, tensorParallel })));
}

/** `vllm`, `vllm@0.9`, `vllm@>=0.9 <0.14`: a range stands for every version in it at which a rule of the runtime changes. */
export function runtimeVersions(text: string): AskedTargets['runtimes'] {
  const at = text.indexOf('@');
  const name = (at < 0 ? text : text.slice(0, at)).trim();
  const runtime = findRuntime(name);
  if (runtime === null) throw unknownName('runtime', name, runtimes);
  if (at < 0) return [{ id: runtime.id, version: null }];
  const range = text.slice(at + 1).trim();
  const bounds = range.split(/\s+/);
  if (!bounds.every((bound) => /^(>=|<=|>|<|=)?\d+(\.\w+)*$/.test(bound)))
    throw new UsageError(`--runtime ${text}: "${range}" is no version or range; write ${name}@1.2 or "${name}@>=1.0 <2.0"`);
  if (bounds.length === 1 && /^=?\d/.test(range)) return [{ id: runtime.id, version: range.replace('=', '') }];
  const versions = turningVersions(runtime, bounds, range);
  if (versions.length === 0) throw new UsageError(`--runtime ${text}: no version lies in this range that the support rows know`);
  return versions.map((version) => ({ id: runtime.id, version }));
}

/** Known versions and the bounds of the runtime's rules that lie in the range; where there are none, the bounds of the range itself. */
function turningVersions({ versions, rules }: RuntimeData, bounds: readonly string[], range: string): readonly string[] {
  const inside = (candidates: readonly string[]): readonly string[] => [...new Set(candidates)].filter((version) => inRange(version, range));
  const bare = (bound: string): string => bound.replace(/^[<>=]+/, '');
  const known = inside([...versions, ...rules.flatMap((rule) => rule.versions?.split(/\s+/).map(bare) ?? [])]);
  return known.length > 0 ? known : inside(bounds.map(bare));
}

function deviceId(name: string): string {
  const device = findDevice(name);
  if (device === null) throw unknownName('device', name, devices);
  return device.id;
}

async function thisDevice(here: () => Promise<string | null>): Promise<string> {
  const device = await here();
  if (device === null) throw new UsageError('--device this: no row of the device list fits this machine (quantwright doctor shows what it has); name a device');
  return device;
}

async function deviceHere(): Promise<string | null> {
  return (await doctorReport()).device;
}

/** Devices are mostly named without their maker (`h100`), so both spellings are compared. */
function unknownName(what: string, written: string, known: readonly { readonly id: string }[]): UsageError {
  const ids = known.map(({ id }) => id);
  const short = new Map(ids.map((id) => [id.slice(id.indexOf('-') + 1), id]));
  const begun = [...short.keys(), ...ids].find((name) => name.startsWith(written.toLowerCase()));
  const near = begun ?? nearestWord(written, ids) ?? nearestWord(written, [...short.keys()]);
  const meant = near === null ? '' : `; did you mean ${short.get(near) ?? near}?`;
  return new UsageError(`no such ${what}: ${written}${meant}${meant === '' ? ';' : ''} known: ${ids.join(', ')}`);
}
