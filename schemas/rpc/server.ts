// client <-> language server, beyond the LSP itself.
import { RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { SeveritySettings } from '../check/types.ts';
import type { CompatibilityMatrix } from '../hardware/matrix-types.ts';
import type { Device, RuntimeId, Target } from '../hardware/target.ts';
import type { SupportVerdict } from '../hardware/verdict.ts';

/** Settings section `quantwright`, pulled by workspace/configuration or given as initializationOptions. */
export interface ServerSettings {
  /** Targets to judge against; empty: only checks that need none. */
  readonly targets: readonly Target[];
  /** Directory of the model a config is for, when it is not beside the file. */
  readonly modelDirectory: string | null;
  /** False in an untrusted workspace: no reads outside the opened documents. */
  readonly readNeighbours: boolean;
  /** Severity of a code, or `off`; what .quantwright/check.json says of a code comes before it. */
  readonly severity?: SeveritySettings;
  /** Codes that are not told at all. */
  readonly suppress?: readonly string[];
}

export interface TargetChoices {
  readonly runtimes: readonly { readonly id: string; readonly name: string; readonly versions: readonly string[] }[];
  readonly devices: readonly Device[];
}
/** client -> server: what the target picker can offer. */
export const targetChoices = new RequestType0<TargetChoices, void>('quantwright/targetChoices');

export interface ExplainParams {
  readonly uri: string;
}
export interface ExplainResult {
  /** Config format, or null when the document is not a quantization config. */
  readonly format: string | null;
  readonly verdicts: readonly SupportVerdict[];
  readonly errors: number;
  readonly warnings: number;
}
/** client -> server: the verdicts for an open document (status bar, compatibility view). */
export const explain = new RequestType<ExplainParams, ExplainResult, void>('quantwright/explain');

export interface MatrixParams {
  /** Document whose config is judged; null: the usual methods instead. */
  readonly uri: string | null;
  /** Empty: every runtime that has support rows. `version` null: newest known. */
  readonly runtimes: readonly { readonly id: RuntimeId; readonly version: string | null }[];
  /** Ids of hardware/devices; empty: all. */
  readonly devices: readonly string[];
  readonly tensorParallel: number;
}
export interface MatrixResult {
  /** Config format of the document; null: no document, or none that is a quantization config, and then the rows are methods. */
  readonly format: string | null;
  /** The config cannot be read as a whole (no rows for its layout, or damaged), so the rows are methods too. */
  readonly unread: boolean;
  /** Whether a model's sizes were known: without them group sizes are not checked against it. */
  readonly modelKnown: boolean;
  readonly matrix: CompatibilityMatrix;
}
/** client -> server: runtimes x devices for an open document, or methods and runtimes x devices (compatibility view). */
export const matrix = new RequestType<MatrixParams, MatrixResult, void>('quantwright/matrix');
