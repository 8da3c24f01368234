// Patterns with exceptions, `(?!a|b)(?:c)`: how a group can name what others have not named. Read as text; what is written otherwise is one pattern without exceptions.

export interface Excepted {
  readonly except: readonly string[];
  readonly pattern: string;
}

/** Of a pattern that matches from the start. */
export function partedExceptions(pattern: string): Excepted {
  const end = pattern.startsWith('(?!') ? closing(pattern, 0) : -1;
  const rest = end === -1 ? null : wholeGroup(pattern.slice(end + 1));
  return rest === null ? { except: [], pattern } : { except: alternatives(pattern.slice(3, end)), pattern: rest };
}

/** Exceptions that all of these make (patterns that are searched anywhere, so those from the start begin with ^): nothing quantizes what they match. */
export function exceptionsOf(modules: readonly string[]): readonly string[] {
  const each = modules.map((module) => (module.startsWith('^') ? partedExceptions(module.slice(1)).except : []));
  const [first = [], ...more] = each;
  return first.filter((one) => more.every((others) => others.includes(one)));
}

/** The inside of a pattern that is one group, `(?:...)`; null: it is not. */
export function wholeGroup(pattern: string): string | null {
  return pattern.startsWith('(?:') && closing(pattern, 0) === pattern.length - 1 ? pattern.slice(3, -1) : null;
}

/** Outside of its groups. */
export function hasAlternatives(pattern: string): boolean {
  return alternatives(pattern).length > 1;
}

function alternatives(pattern: string): readonly string[] {
  const ends = [...pattern].flatMap((character, at) => (character === '|' && depthAt(pattern, at) === 0 ? [at] : []));
  return [...ends, pattern.length].map((end, index) => pattern.slice(index === 0 ? 0 : (ends[index - 1] ?? 0) + 1, end));
}

/** Of the parenthesis at `open`; -1: it is not closed. */
function closing(pattern: string, open: number): number {
  for (let at = open + 1; at < pattern.length; at++) if (pattern[at] === ')' && depthAt(pattern, at) === 1) return at;
  return -1;
}

/** Parentheses that are open before `at`, but those that are escaped or stand in a class of characters. */
function depthAt(pattern: string, at: number): number {
  const bare = pattern.slice(0, at).replace(/\\.|\[(?:\\.|[^\]])*\]?/g, '');
  return bare.split('(').length - bare.split(')').length;
}
