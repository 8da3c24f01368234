// Which modules of a checkpoint a pattern matches, by an index over their names: mixtures have tens of thousands of modules, and configs hundreds
// of patterns. A pattern is a regular expression from the start of the full module name, as in a Recipe (`ignore`, `overrides`).
import { startAnchored } from './module-weights.ts';
import { type Simple, simpleOf } from './pattern-form.ts';

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

/** Places in the order of their keys; the key of each place. */
interface Ordered {
  readonly places: readonly number[];
  readonly keys: readonly string[];
}

interface ModuleIndex {
  readonly modules: readonly string[];
  readonly places: ReadonlyMap<string, number>;
  /** By the names, and by the names read backwards. */
  readonly byStart: () => Ordered;
  readonly byEnd: () => Ordered;
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
  const ordered = (key: (name: string) => string) => (): Ordered => {
    const keys = modules.map(key);
    return { keys, places: modules.map((_, place) => place).sort((a, b) => compare(keys[a] ?? '', keys[b] ?? '')) };
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
      return range(index.byStart(), simple.text);
    case 'inside':
      return range(index.byStart(), simple.text).filter((place) => ['', '.'].includes(modules[place]?.[simple.text.length] ?? ''));
    case 'ends': {
      const begin = range(index.byStart(), simple.start);
      const end = range(index.byEnd(), backwards(simple.end));
      return [...new Set([...begin, ...end])];
    }
  }
}

/** Places whose key begins with `text`. */
function range({ places, keys }: Ordered, text: string): readonly number[] {
  const first = bound(places, (place) => compare(keys[place] ?? '', text) >= 0);
  const end = bound(places, (place) => compare(keys[place] ?? '', text) >= 0 && !(keys[place] ?? '').startsWith(text));
  return places.slice(first, end);
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
  return name.split('').reverse().join('');
}

function ascending(places: readonly number[]): readonly number[] {
  return [...places].sort((a, b) => a - b);
}
