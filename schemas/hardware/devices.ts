// The devices a config can be judged for: hardware/devices/*.json, and how users spell them.
import { deviceRows } from '../generated/devices.ts';
import type { Device } from './target.ts';

export const devices: readonly Device[] = deviceRows;

/** By id, name or alias; capitals, spaces, dashes and the maker's name do not matter. */
export function findDevice(nameOrAlias: string): Device | null {
  const wanted = plain(nameOrAlias);
  const spellings = (device: Device): readonly string[] => [device.id, device.name, ...device.aliases];
  return devices.find((device) => spellings(device).some((spelling) => plain(spelling) === wanted)) ?? null;
}

function plain(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .replace(/^(nvidia|geforce|tesla|intel|amd)+/, '')
    .replace(/^(geforce|tesla)/, '');
}
