// A value in JSON as snippet text of the LSP: a choice between listed values, or a place to type over.

export function valueSnippet(chosen: unknown, choices: readonly unknown[]): string {
  const ordered = [chosen, ...choices.filter((value) => value !== chosen)].filter(isScalar);
  if (ordered.length > 1 && ordered.every((value) => typeof value === 'string'))
    return `"\${1|${ordered.map((value) => escapeChoice(String(value))).join(',')}|}"`;
  if (ordered.length > 1) return `\${1|${ordered.map((value) => escapeChoice(JSON.stringify(value))).join(',')}|}`;
  if (typeof chosen === 'string') return `"\${1:${escapePlaceholder(JSON.stringify(chosen).slice(1, -1))}}"`;
  if (Array.isArray(chosen) && chosen.length === 0) return '[$1]';
  if (typeof chosen === 'object' && chosen !== null && Object.keys(chosen).length === 0) return '{ $1 }';
  return `\${1:${escapePlaceholder(JSON.stringify(chosen))}}`;
}

export function escapeText(text: string): string {
  return text.replace(/[\\$}]/g, '\\$&');
}

function escapePlaceholder(text: string): string {
  return escapeText(text);
}

function escapeChoice(text: string): string {
  return text.replace(/[\\,|$}]/g, '\\$&');
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}
