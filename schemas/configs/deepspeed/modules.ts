// Which modules the groups of compression_training are for. DeepSpeed searches every name for the patterns of a group, quantizes no module that none of them finds,
// and refuses a module that two groups find (deepspeed/compression/helper and compress.py :: get_module_name). Recipes have one setting for all, exceptions, and `ignore`.
import { startAnchored } from '../../recipe/module-weights.ts';
import type { ActivationRecipe, ModuleOverride, Recipe } from '../../recipe/recipe.ts';
import { exceptionsOf, hasAlternatives, partedExceptions, wholeGroup } from './exceptions.ts';
import type { Group } from './groups.ts';

type Scope = Pick<Recipe, 'activations' | 'overrides' | 'ignore' | 'lmHead'>;

/** Modules that share settings. */
interface Part {
  readonly pattern: string;
  readonly bits: number;
  readonly activations: ActivationRecipe | null;
}

/** `weights`: the first of them is the recipe's own. `activationsOf`: of a group of activations; null: they stay as they are. */
export function scopeOf(weights: readonly Group[], activations: readonly Group[], activationsOf: (group: Group) => ActivationRecipe | null): Scope {
  const quantized = activations.map((group) => ({ modules: group.modules, settings: activationsOf(group) })).filter(({ settings }) => settings !== null);
  const named = weights.flatMap(({ modules }) => modules).filter(isPattern);
  const parts = weights.flatMap((group) => {
    const bits = group.params.integer('target_bits');
    return bits === null || bits < 1 ? [] : group.modules.filter(isPattern).map((module) => partsOf(module, bits, quantized, others(weights, group)));
  });
  const left = exceptionsOf(named);
  const own = parts.flat().find(({ activations: of }) => of !== null)?.activations ?? null;
  const bits = weights[0]?.params.integer('target_bits');
  // What has the recipe's settings needs no words, but where the same modules have others further down.
  const special = parts.filter(([first, ...more]) => more.length > 0 || first?.bits !== bits || first?.activations !== own);
  return {
    activations: own,
    overrides: inTurn(special.flat(), left).map((part) => overrideOf(part, bits, own)),
    ignore: named.some((module) => module === EVERYTHING) ? [] : [...left, `(?!${named.map(anchored).join('|')})`],
    ...(named.some((module) => startAnchored(anchored(module))?.test('lm_head') === true) ? { lmHead: true } : {}),
  };
}

interface Quantized {
  readonly modules: readonly string[];
  readonly settings: ActivationRecipe | null;
}

/** The modules of one pattern, by what becomes of their activations: those that a group's pattern narrows down come first. */
function partsOf(module: string, bits: number, groups: readonly Quantized[], elsewhere: readonly string[]): readonly Part[] {
  const pattern = anchored(module);
  const whole = groups.find(({ modules }) => modules.some((other) => covers(other, module)));
  if (whole !== undefined) return [{ pattern, bits, activations: whole.settings }];
  const narrow = groups.flatMap(({ modules, settings }): Part[] => {
    // What another group of weights finds too, DeepSpeed refuses.
    const narrowing = modules.filter((other) => isPattern(other) && !apart(other, module) && !elsewhere.some((one) => covers(one, other))).map(anchored);
    return narrowing.length === 0 ? [] : [{ pattern: `(?=${narrowing.join('|')})${pattern}`, bits, activations: settings }];
  });
  return [...narrow, { pattern, bits, activations: null }];
}

/** The patterns of the other groups. */
function others(groups: readonly Group[], own: Group): readonly string[] {
  return groups.filter((group) => group !== own).flatMap(({ modules }) => modules);
}

/** One is an exception of the other. */
function apart(a: string, b: string): boolean {
  const [first, second] = [partedExceptions(anchored(a)), partedExceptions(anchored(b))];
  return first.except.includes(second.pattern) || second.except.includes(first.pattern);
}

/** Whatever name holds `inner` holds `outer`. False also where that cannot be told from the text. */
function covers(outer: string, inner: string): boolean {
  return outer === EVERYTHING || outer === inner || (PLAIN.test(outer) && PLAIN.test(inner) && inner.includes(outer));
}

const EVERYTHING = '*';
/** Dots stand for themselves in names, and for other characters nowhere. */
const PLAIN = /^[\w.-]+$/;

/** A pattern that is searched anywhere, as one that matches from the start. */
function anchored(module: string): string {
  if (module === EVERYTHING) return '.*';
  if (module.startsWith('^')) return wholeGroup(module.slice(1)) ?? (hasAlternatives(module) ? `(?:${module})` : module.slice(1));
  return hasAlternatives(module) ? `.*(?:${module})` : `.*${module}`;
}

function isPattern(module: string): boolean {
  return startAnchored(anchored(module)) !== null;
}

/** Without the exceptions that those before them, or `left`, make anyway: the first match decides. */
function inTurn(parts: readonly Part[], left: readonly string[]): readonly Part[] {
  const done = new Set(left);
  return parts.map((part) => {
    const { except, pattern } = partedExceptions(part.pattern);
    const short = except.length > 0 && except.every((one) => done.has(one)) ? { ...part, pattern } : part;
    done.add(short.pattern);
    return short;
  });
}

function overrideOf({ pattern, bits, activations }: Part, ownBits: number | null | undefined, own: ActivationRecipe | null): ModuleOverride {
  return { pattern, weights: bits === ownBits ? {} : { bits }, ...(activations === own ? {} : { activations }) };
}
