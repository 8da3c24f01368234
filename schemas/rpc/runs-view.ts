// runs view <-> extension: values over postMessage, one tagged union per direction. The list of runs, and the report of those that are chosen from it.
import type { Run } from '../runs/run.ts';

export interface RunRow {
  /** The file: ids of two folders may be equal. */
  readonly file: string;
  readonly kind: Run['kind'];
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly seconds: number;
  /** The model, or (of kernels) the machine. */
  readonly name: string;
  /** How the model was quantized, and its KV cache. */
  readonly detail: string;
  /** Its first numbers, in words. */
  readonly found: string;
  /** What repeats the run, as it is typed. */
  readonly command: string;
  /** The sweep it belongs to. */
  readonly sweep: string | null;
}

/** A file of the store that is no run that this version can read. */
export interface UnreadRun {
  readonly file: string;
  readonly id: string;
  readonly problem: string;
}

/** extension -> runs view */
export interface ToRuns {
  readonly type: 'runs';
  /** Newest first. */
  readonly runs: readonly RunRow[];
  readonly unread: readonly UnreadRun[];
  /** Folders that were looked in. */
  readonly stores: readonly string[];
  /** Files of the runs that the report leaves out. */
  readonly left: readonly string[];
  /** Of the other runs; `html` is made by the report's escaping templates. */
  readonly report: { readonly summary: string; readonly html: string };
}

/** runs view -> extension */
export type FromRuns =
  /** The view is there, or the user has chosen other runs. */
  | { readonly type: 'choose'; readonly left: readonly string[] }
  | { readonly type: 'open'; readonly file: string }
  | { readonly type: 'copy'; readonly text: string };
