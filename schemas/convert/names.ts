// Patterns <-> the other ways in which formats name modules: parts of names (AutoAWQ, transformers) and names or `re:` patterns (compressed-tensors).

/** Characters that mean something in a regular expression; an escaped one stands for itself. */
const META = /[\\^$.*+?()[\]{}|]/;

/** The many spellings that formats lower the output matrix's name to, as one; other patterns as they are. */
export function tidy(pattern: string): string {
  const bare = pattern.replace(/[()?:|.*^$]/g, '');
  return /^(?:lm_head)+$/.test(bare) ? 'lm_head' : pattern.replace(/^\(\?:([^()|]*)\)$/, '$1');
}

/**
 * The part of a module name that a pattern looks for, where it looks for no more than that: `.*down_proj` -> down_proj. Patterns without `.*` in
 * front count only for names that begin at the root of a model. Null: a pattern that says more.
 */
export function partOfName(pattern: string): string | null {
  const open = pattern.replace(/^\^/, '').replace(/(?:\.\*)+$/, '');
  const inner = /^\.\*/.test(open) ? open.replace(/^(?:\.\*)+/, '') : rooted(open) ? open : null;
  const literal = inner?.replace(/\\([.\-/_])/g, '$1') ?? '';
  const escaped = inner?.replace(/\\[.\-/_]/g, '') ?? '';
  return literal === '' || META.test(escaped.replaceAll('.', '')) || /\.[*+?{]/.test(escaped) ? null : literal;
}

function rooted(pattern: string): boolean {
  return /^(?:lm_head|model(?:\\?\.|$))/.test(pattern);
}
