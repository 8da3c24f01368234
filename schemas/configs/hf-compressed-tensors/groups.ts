// config_groups: schemes by name, presets put in, and the one that holds for most linears.
import type { JsonPath } from '../../recipe/origin.ts';
import { type Fields, isObject, type JsonObject } from '../fields.ts';
import { isClassName, targetOfName } from '../hf/module-patterns.ts';
import { type Args, readArgs } from './args.ts';
import { presetNamed } from './presets.ts';

export interface Group {
  readonly name: string;
  readonly path: JsonPath;
  readonly targets: readonly string[];
  /** The scheme as written, or as the preset has it. */
  readonly scheme: JsonObject;
  readonly preset: boolean;
  readonly weights: Args | null;
  readonly inputs: Args | null;
}

export function groupsOf(fields: Fields, path: JsonPath): readonly Group[] {
  return Object.entries(fields.object('config_groups') ?? {}).flatMap(([name, written]) => {
    const preset = Array.isArray(written);
    const scheme = preset ? (presetNamed(name) ?? {}) : written;
    if (!isObject(scheme)) {
      return [];
    }
    const targets: readonly unknown[] = preset ? written : Array.isArray(scheme['targets']) ? scheme['targets'] : [];
    return [
      {
        name,
        path: [...path, 'config_groups', name],
        targets: targets.filter((target) => typeof target === 'string'),
        scheme,
        preset,
        weights: readArgs(scheme['weights']),
        inputs: readArgs(scheme['input_activations']),
      },
    ];
  });
}

/** The group of a class of layers, which others take exceptions from; else the first that has weights. */
export function mainGroup(groups: readonly Group[]): Group | null {
  const weighted = groups.filter(({ weights }) => weights !== null);
  return weighted.find(targetsClass) ?? weighted[0] ?? null;
}

export function targetsClass({ targets }: Group): boolean {
  return targets.some(isClassName);
}

/** Of the targets that name modules; null when there is none. */
export function patternOf({ targets }: Group): string | null {
  const patterns = targets.map(targetOfName).filter((pattern) => pattern !== null);
  return patterns.length === 0 ? null : patterns.map((pattern) => `(?:${pattern})`).join('|');
}
