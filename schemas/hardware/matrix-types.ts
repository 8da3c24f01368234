// The compatibility matrix as data: what a view, a report or a message carries. Made by matrix.ts.
import type { RuntimeId } from './target.ts';
import type { SupportVerdict } from './verdict.ts';

export type CellKind = SupportVerdict['kind'];

export interface MatrixRow {
  readonly id: string;
  /** What runs: the file's own recipe, or a method in its usual setting. */
  readonly method: string;
  readonly runtime: RuntimeId;
  readonly runtimeName: string;
  /** Null: newest known. */
  readonly version: string | null;
}

export interface MatrixColumn {
  /** Device id; null: no device named, so nothing that hangs on one is said. */
  readonly device: string | null;
  readonly name: string;
  /** Volta, Hopper, x86 ...; empty without a device. */
  readonly family: string;
}

export interface MatrixCell {
  /** Of the decisive verdict. */
  readonly kind: CellKind;
  /** One sentence for people. */
  readonly message: string;
  /** The tool's own words, where it has some. */
  readonly runtimeWords: string | null;
  /** Rule of the support tables; null for a cell that is supported. */
  readonly rule: string | null;
  readonly source: string;
  /** What computes there; null unless supported. */
  readonly kernel: string | null;
  /** Version range that the rule speaks for; null: all known. */
  readonly versions: string | null;
  /** Diagnostic that tells it (QC002 ...); null for a cell that is supported. */
  readonly code: string | null;
  /** Further messages about the same cell, in the order of their weight. */
  readonly more: readonly string[];
}

export interface CompatibilityMatrix {
  readonly rows: readonly MatrixRow[];
  readonly columns: readonly MatrixColumn[];
  /** cells[row][column] */
  readonly cells: readonly (readonly MatrixCell[])[];
  readonly tensorParallel: number;
}
