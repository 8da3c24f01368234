// Languages over bytes, as expressions: what schemas and patterns become before they are turned into an automaton. Rules may refer to one another and to
// themselves, so nesting has no limit.

export type Grammar =
  /** One byte of these ranges, both ends included. */
  | { readonly kind: 'byte'; readonly ranges: readonly (readonly [low: number, high: number])[] }
  | { readonly kind: 'sequence'; readonly parts: readonly Grammar[] }
  /** Without options: nothing matches. */
  | { readonly kind: 'choice'; readonly options: readonly Grammar[] }
  /** most: null for any number. */
  | { readonly kind: 'repeat'; readonly body: Grammar; readonly least: number; readonly most: number | null }
  | { readonly kind: 'rule'; readonly rule: Rule };

/** `body` is asked for once, when the automaton is made: by then everything that it refers to exists. */
export interface Rule {
  readonly body: () => Grammar;
}

export const empty: Grammar = { kind: 'sequence', parts: [] };
export const nothing: Grammar = { kind: 'choice', options: [] };

export function sequence(...parts: readonly Grammar[]): Grammar {
  return { kind: 'sequence', parts };
}

export function choice(...options: readonly Grammar[]): Grammar {
  return { kind: 'choice', options };
}

export function repeat(body: Grammar, least: number, most: number | null): Grammar {
  return { kind: 'repeat', body, least, most };
}

export function optional(body: Grammar): Grammar {
  return repeat(body, 0, 1);
}

/** A shared part: it becomes states once, however often it is used. */
export function rule(body: () => Grammar): Grammar {
  return { kind: 'rule', rule: { body } };
}

const encoder = new TextEncoder();

/** The UTF-8 bytes of a text. */
export function text(value: string): Grammar {
  return { kind: 'sequence', parts: Array.from(encoder.encode(value), (byte): Grammar => ({ kind: 'byte', ranges: [[byte, byte]] })) };
}
