// Which modules of a checkpoint a pattern matches, by an index over their names: mixtures have tens of thousands of modules, and configs hundreds
// of patterns. A pattern is a regular expression from the start of the full module name, as in a Recipe (`ignore`, `overrides`).
import { startAnchored } from './module-weights.ts';

/** Names that the pattern matches, in their order; none when it is no regular expression. Answers are kept for as long as the list of names. */
export function matchesOf(pattern: string, modules: readonly string[]): readonly string[] {
  return indicesOf(pattern, modules).map((index) => modules[index] ?? '');
}

/** The name is one of `modules`. */
export function isModule(name: string, modules: readonly string[]): boolean {
  return indexOf(modules).places.has(name);
}

/** What matchesOf finds, as places in `modules`, ascending. */
export function indicesOf(pattern: string, modules: readonly string[]): readonly number[] {
  const index = indexOf(modules);
  const known = index.answers.get(pattern);
  if (known !== undefined) {
    return known;
  }
  const found = search(pattern, index);
  if (index.answers.size >= KEPT_ANSWERS) {
    index.answers.clear();
  }
  index.answers.set(pattern, found);
  return found;
}

/** How a pattern without wildcards stands in a name. */
type Simple =
  | { readonly kind: 'whole' | 'start' | 'inside'; readonly text: string }
  /** transformers' rule: the name begins with it, or ends with it. */
  | { readonly kind: 'ends'; readonly start: string; readonly end: string };

interface ModuleIndex {
  readonly modules: readonly string[];
  readonly places: ReadonlyMap<string, number>;
  /** Places in the order of the names, and of the names read backwards. */
  readonly byStart: () => readonly number[];
  readonly byEnd: () => readonly number[];
  /** Names with their numbers taken out -> places: what tells layers and experts apart. */
  readonly byShape: () => ReadonlyMap<string, readonly number[]>;
  readonly answers: Map<string, readonly number[]>;
}

const KEPT_ANSWERS = 50_000;
/** Up to here every name is tried against a pattern with wildcards. */
const FEW_MODULES = 1_500;

const indices = new WeakMap<readonly string[], ModuleIndex>();

function indexOf(modules: readonly string[]): ModuleIndex {
  const ready = indices.get(modules);
  if (ready !== undefined) {
    return ready;
  }
  const ordered = (key: (name: string) => string) => (): readonly number[] => {
    const keys = modules.map(key);
    return modules.map((_, place) => place).sort((a, b) => compare(keys[a] ?? '', keys[b] ?? ''));
  };
  const index: ModuleIndex = {
    modules,
    places: new Map(modules.map((name, place) => [name, place])),
    byStart: once(ordered((name) => name)),
    byEnd: once(ordered(backwards)),
    byShape: once(() => grouped(modules, (name) => name.replace(/(?<=^|\.)\d+(?=\.|$)/g, '#'))),
    answers: new Map(),
  };
  indices.set(modules, index);
  return index;
}

function search(pattern: string, index: ModuleIndex): readonly number[] {
  const simple = simpleOf(pattern);
  if (simple !== null) {
    return ascending(searchSimple(simple, index));
  }
  const regex = startAnchored(pattern);
  if (regex === null) {
    return [];
  }
  const matches = (place: number): boolean => regex.test(index.modules[place] ?? '');
  if (index.modules.length <= FEW_MODULES || tellsNumbers(pattern)) {
    return index.modules.flatMap((_, place) => (matches(place) ? [place] : []));
  }
  return ascending([...index.byShape().values()].flatMap((places) => (matches(places[0] ?? 0) ? places : [])));
}

function searchSimple(simple: Simple, index: ModuleIndex): readonly number[] {
  const { modules, places } = index;
  switch (simple.kind) {
    case 'whole': {
      const place = places.get(simple.text);
      return place === undefined ? [] : [place];
    }
    case 'start':
      return range(index.byStart(), (place) => modules[place] ?? '', simple.text);
    case 'inside':
      return range(index.byStart(), (place) => modules[place] ?? '', simple.text).filter((place) =>
        ['', '.'].includes(modules[place]?.[simple.text.length] ?? ''),
      );
    case 'ends': {
      const begin = range(index.byStart(), (place) => modules[place] ?? '', simple.start);
      const end = range(index.byEnd(), (place) => backwards(modules[place] ?? ''), backwards(simple.end));
      return [...new Set([...begin, ...end])];
    }
  }
}

/** Places whose key begins with `text`, of places in the order of their keys. */
function range(order: readonly number[], key: (place: number) => string, text: string): readonly number[] {
  const first = bound(order, (place) => compare(key(place), text) >= 0);
  const end = bound(order, (place) => compare(key(place), text) >= 0 && !key(place).startsWith(text));
  return order.slice(first, end);
}

/** The first position of `order` from which on `after` holds. */
function bound(order: readonly number[], after: (place: number) => boolean): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (after(order[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low;
}

const INSIDE = '(?:\\.|$)';

/** What the lowerings of module lists write (configs: hf/not-converted.ts, hf/module-patterns.ts, modelopt/module-globs.ts). */
function simpleOf(pattern: string): Simple | null {
  const ends = /^(?:\(\?:(.*)\)|(.*))\|\.\*(.*)\$$/.exec(pattern);
  if (ends !== null) {
    const end = plain(ends[3] ?? '', false);
    const start = ends[1] === undefined ? plain(ends[2] ?? '', false) : plain(ends[1], true);
    return start === null || end === null ? null : { kind: 'ends', start, end };
  }
  if (pattern.endsWith(INSIDE)) {
    const text = plain(pattern.slice(0, -INSIDE.length), false);
    return text === null ? null : { kind: 'inside', text };
  }
  const whole = pattern.endsWith('$') ? plain(pattern.slice(0, -1), false) : null;
  const start = plain(pattern, false);
  return whole !== null ? { kind: 'whole', text: whole } : start !== null ? { kind: 'start', text: start } : null;
}

/** The text that a pattern spells, or null when it has wildcards. `dots`: a bare dot counts as a dot, as people mean it in names. */
function plain(pattern: string, dots: boolean): string | null {
  const bare = dots ? /^(?:[\w.-]|\\[^\w])*$/ : /^(?:[\w-]|\\[^\w])*$/;
  return bare.test(pattern) ? pattern.replace(/\\(.)/g, '$1') : null;
}

/** The pattern may match one number and not another. `\d+` and its like do not. */
function tellsNumbers(pattern: string): boolean {
  return /\d|\\[dDwW]|[[{]/.test(pattern.replace(/(?:\\[dw]|\[0-9\])[+*]/g, ''));
}

function grouped(modules: readonly string[], key: (name: string) => string): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>();
  modules.forEach((name, place) => {
    const group = groups.get(key(name));
    if (group === undefined) groups.set(key(name), [place]);
    else group.push(place);
  });
  return groups;
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function backwards(name: string): string {
  return [...name].reverse().join('');
}

function ascending(places: readonly number[]): readonly number[] {
  return [...places].sort((a, b) => a - b);
}
