// A finding: one thing to tell about a config, with the place in the text and the edits that would settle it.
// The language server turns findings into diagnostics and quick fixes, the command line prints them, the engine refuses with them.
import type { JsonPath } from '../recipe/origin.ts';

export type Severity = 'error' | 'warning' | 'information' | 'hint';

/** Offsets in UTF-16 code units, end exclusive. */
export interface OffsetRange {
  readonly start: number;
  readonly end: number;
}

export type Edit =
  | { readonly kind: 'set'; readonly path: JsonPath; readonly value: unknown }
  | { readonly kind: 'remove'; readonly path: JsonPath }
  | { readonly kind: 'rename'; readonly path: JsonPath; readonly key: string }
  | { readonly kind: 'replace'; readonly range: OffsetRange; readonly text: string };

export interface Fix {
  readonly title: string;
  readonly edits: readonly Edit[];
  readonly preferred: boolean;
}

export interface Finding {
  /** QC001 ... (schemas/rules/<rule>). */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly range: OffsetRange;
  readonly path: JsonPath;
  /** Rule id of the support tables when a target caused it (DI-07 ...). */
  readonly supportRule: string | null;
  /** Citation: repository and file, or paper section. */
  readonly source: string | null;
  readonly fixes: readonly Fix[];
}
