// client <-> language server, beyond the LSP itself.
import { RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { Device, Target } from '../hardware/target.ts';
import type { SupportVerdict } from '../hardware/verdict.ts';

/** Settings section `quantwright`, pulled by workspace/configuration or given as initializationOptions. */
export interface ServerSettings {
  /** Targets to judge against; empty: only checks that need none. */
  readonly targets: readonly Target[];
  /** Directory of the model a config is for, when it is not beside the file. */
  readonly modelDirectory: string | null;
  /** False in an untrusted workspace: no reads outside the opened documents. */
  readonly readNeighbours: boolean;
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
