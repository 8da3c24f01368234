// Groups of modules that runtimes load as one layer, and those that a recipe treats differently.
import { settingsKey } from '../../hardware/divisibility.ts';
import { IGNORED, moduleSettings, OWN } from '../../recipe/module-settings.ts';
import type { Recipe } from '../../recipe/recipe.ts';

const FUSED: readonly (readonly string[])[] = [
  ['q_proj', 'k_proj', 'v_proj'],
  ['gate_proj', 'up_proj'],
  ['w1', 'w3'],
];

export interface Split {
  readonly parent: string;
  readonly ignored: readonly string[];
  /** Quantized, but not alike. */
  readonly differing: readonly string[];
  readonly others: readonly string[];
  /** What sets them apart: quantized or not, the width, or other settings. */
  readonly apart: 'ignored' | 'bits' | 'settings';
}

export function splitsOf(recipe: Recipe, modules: readonly string[]): readonly Split[] {
  const settings = moduleSettings(recipe, modules);
  const keys = new Map<number, string>();
  const keyOf = (setting: number): string => {
    const key = keys.get(setting) ?? settingsKey({ ...recipe.weights, ...recipe.overrides[setting - 1]?.weights });
    keys.set(setting, key);
    return key;
  };
  return groupsOf(modules).flatMap(({ parent, members }) => {
    const [head] = members;
    if (head === undefined || members.every(({ place }) => settings[place] === settings[head.place])) {
      return [];
    }
    const states = members.map(({ name, place }) => ({ name, setting: settings[place] ?? OWN }));
    const ignored = states.filter(({ setting }) => setting === IGNORED).map(({ name }) => name);
    const kept = states.filter(({ setting }) => setting !== IGNORED);
    const [first] = kept;
    const usual = first === undefined ? '' : keyOf(kept.find(({ setting }) => setting === OWN)?.setting ?? first.setting);
    const differing = kept.filter(({ setting }) => keyOf(setting) !== usual).map(({ name }) => name);
    const others = kept.filter(({ setting }) => keyOf(setting) === usual).map(({ name }) => name);
    const widths = new Set(kept.map(({ setting }) => recipe.overrides[setting - 1]?.weights.bits ?? recipe.weights.bits));
    const apart = ignored.length > 0 ? 'ignored' : widths.size > 1 ? 'bits' : 'settings';
    return (ignored.length > 0 && kept.length > 0) || differing.length > 0 ? [{ parent, ignored, differing, others, apart }] : [];
  });
}

interface Group {
  readonly parent: string;
  readonly members: readonly { readonly name: string; readonly place: number }[];
}

const groupsByModules = new WeakMap<readonly string[], readonly Group[]>();

function groupsOf(modules: readonly string[]): readonly Group[] {
  const ready = groupsByModules.get(modules);
  if (ready !== undefined) {
    return ready;
  }
  const groups = new Map<string, { parent: string; members: { name: string; place: number }[] }>();
  modules.forEach((module, place) => {
    const dot = module.lastIndexOf('.');
    const name = module.slice(dot + 1);
    const kind = FUSED.findIndex((names) => names.includes(name));
    if (kind >= 0 && dot > 0) {
      const parent = module.slice(0, dot);
      const group = groups.get(`${parent} ${kind}`) ?? { parent, members: [] };
      group.members.push({ name, place });
      groups.set(`${parent} ${kind}`, group);
    }
  });
  const found = [...groups.values()].filter(({ members }) => members.length > 1);
  groupsByModules.set(modules, found);
  return found;
}
