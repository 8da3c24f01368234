// Patterns that are plain names in the clothes of a regular expression, as the lowerings of module lists write them: compared as text, which is many
// times faster than the expression and finds the same.

/** How a pattern without wildcards stands in a name. */
export type Simple =
  | { readonly kind: 'whole' | 'start' | 'inside'; readonly text: string }
  /** transformers' rule: the name begins with it, or ends with it. */
  | { readonly kind: 'ends'; readonly start: string; readonly end: string };

/** Whether a name matches; null for patterns with wildcards. */
export function plainTest(pattern: string): ((name: string) => boolean) | null {
  const simple = simpleOf(pattern);
  switch (simple?.kind) {
    case undefined:
      return null;
    case 'whole':
      return (name) => name === simple.text;
    case 'start':
      return (name) => name.startsWith(simple.text);
    case 'inside':
      return (name) => name.startsWith(simple.text) && (name.length === simple.text.length || name[simple.text.length] === '.');
    case 'ends':
      return (name) => name.startsWith(simple.start) || name.endsWith(simple.end);
  }
}

const INSIDE = '(?:\\.|$)';

/** What the lowerings of module lists write (configs: hf/not-converted.ts, hf/module-patterns.ts, modelopt/module-globs.ts). */
export function simpleOf(pattern: string): Simple | null {
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
