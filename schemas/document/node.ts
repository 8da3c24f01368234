// Parsed config text: a tree with offsets. Parsing never fails: a damaged text gives the tree of what is there, and problems.
import type { OffsetRange } from '../check/finding.ts';

export interface ConfigNode {
  readonly type: 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';
  readonly range: OffsetRange;
  /** Of a member: the key's own range (quotes included). */
  readonly keyRange: OffsetRange | null;
  readonly key: string | number | null;
  readonly parent: ConfigNode | null;
  readonly children: readonly ConfigNode[];
  /** Plain value of this subtree (numbers exact as JavaScript numbers). */
  readonly value: unknown;
}

export interface SyntaxProblem {
  readonly message: string;
  readonly range: OffsetRange;
  /** Replacement that would make the text valid JSON, when there is an obvious one. */
  readonly replacement: { readonly range: OffsetRange; readonly text: string } | null;
}

export type DocumentLanguage = 'json' | 'yaml';

export interface ParsedDocument {
  readonly language: DocumentLanguage;
  readonly text: string;
  readonly root: ConfigNode | null;
  readonly problems: readonly SyntaxProblem[];
}
