// Pieces of HTML that cannot carry what they were not meant to: a template escapes every value but other pieces. Also of SVG, which stands inline in HTML.

/** HTML text that is safe to stand in a document. */
export interface Html {
  readonly html: string;
}

/** null and false: nothing. */
export type HtmlValue = Html | string | number | null | false | readonly HtmlValue[];

export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return { html: parts.reduce((text, part, at) => text + spelled(values[at - 1] ?? null) + part) };
}

/** Text of this project that is HTML already: its styles and scripts. Never data. */
export function trusted(text: string): Html {
  return { html: text };
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function spelled(value: HtmlValue): string {
  if (value === null || value === false) return '';
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  return 'html' in value ? value.html : value.map(spelled).join('');
}
