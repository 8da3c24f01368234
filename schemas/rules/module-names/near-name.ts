// What a pattern that matches nothing was meant to be: the same name behind its prefix ("visual" -> "model.visual"), or without a slip of the keyboard.
import { nearestWord } from '../../check/nearest-word.ts';
import { isClassName } from '../../configs/hf/module-patterns.ts';
import { literal } from '../../configs/hf/not-converted.ts';
import { type PatternSyntax, sourceOf, type WrittenPattern } from '../../configs/written-patterns.ts';
import { indicesOf } from '../../recipe/module-patterns.ts';

export interface NearPattern {
  readonly text: string;
  /** Modules that it matches. */
  readonly count: number;
}

export function nearPattern({ text, syntax }: WrittenPattern, modules: readonly string[]): NearPattern | null {
  const core = plainCore(text);
  if (core === '') {
    return null;
  }
  for (const candidate of [...withPrefix(core, text, syntax, modules), ...corrected(core, text, syntax, modules)]) {
    const source = isClassName(candidate) && syntax === 'compressed-tensors' ? null : sourceOf(candidate, syntax);
    const count = source === null || candidate === text ? 0 : indicesOf(source, modules).length;
    if (count > 0) {
      return { text: candidate, count };
    }
  }
  return null;
}

/** The longest stretch of plain name in a pattern, dots included: "re:visual.*" -> "visual". */
function plainCore(text: string): string {
  const bare = text.replace(/^(?:re:|[+-]:)/, '').replaceAll('\\.', '.');
  const stretches = bare.match(/\w[\w-]*(?:\.\w[\w-]*)*/g) ?? [];
  return [...stretches].sort((a, b) => b.length - a.length)[0] ?? '';
}

function withPrefix(core: string, text: string, syntax: PatternSyntax, modules: readonly string[]): readonly string[] {
  const place = modules.find((module) => `.${module}.`.includes(`.${core}.`));
  if (place === undefined) {
    return [];
  }
  const before = place.slice(0, Math.max(0, `.${place}.`.indexOf(`.${core}.`)));
  const prefixed = `${before}${core}`;
  const inRegex = text.replace(/^(re:|[+-]:|)\^?/, (_, sign: string) => `${sign}${literal(before).replaceAll('\\-', '-')}`);
  switch (syntax) {
    case 'compressed-tensors':
      return text.startsWith('re:') ? [inRegex, `re:.*${text.slice(3)}`] : [prefixed, `re:${literal(prefixed).replaceAll('\\-', '-')}\\..*`];
    case 'regex':
    case 'dynamic':
      return [inRegex];
    case 'glob':
      return [`${before}${text}`, `*${text}`];
    case 'transformers':
    case 'substring':
    case 'name':
      return [prefixed];
  }
}

/** Each part of the name that no module has, as the nearest that one does have. */
function corrected(core: string, text: string, syntax: PatternSyntax, modules: readonly string[]): readonly string[] {
  const known = partsOf(modules);
  let better = text;
  for (const part of core.split('.')) {
    if (!known.has(part)) {
      const near = nearestWord(part, [...known]);
      if (near === null) {
        return [];
      }
      better = better.replace(part, near);
    }
  }
  return better === text ? [] : [better, ...withPrefix(plainCore(better), better, syntax, modules)];
}

const partsByModules = new WeakMap<readonly string[], ReadonlySet<string>>();

/** Parts of the names between dots, numbers left out. */
function partsOf(modules: readonly string[]): ReadonlySet<string> {
  const ready = partsByModules.get(modules);
  if (ready !== undefined) {
    return ready;
  }
  const parts = new Set(modules.flatMap((module) => module.split('.')).filter((part) => !/^\d+$/.test(part)));
  partsByModules.set(modules, parts);
  return parts;
}
