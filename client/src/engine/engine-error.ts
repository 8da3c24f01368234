// Errors of engine requests as values: what a feature needs to decide between "cancelled", "refused", "crashed" and "failed".

import { type EngineErrorData, engineErrorCode } from '@quantwright/schemas/rpc/errors';
import { ConnectionError, ErrorCodes, ResponseError } from 'vscode-jsonrpc/node';

/** The process ended while a request was running, or before one could be sent. */
export class EngineStoppedError extends Error {
  override readonly name = 'EngineStoppedError';
  /** How it ended, e.g. "it was ended by signal SIGKILL". */
  readonly reason: string;

  constructor(reason: string) {
    super(`The engine stopped: ${reason}.`);
    this.reason = reason;
  }
}

/** There is no engine and none will be started by itself. */
export class EngineUnavailableError extends Error {
  override readonly name = 'EngineUnavailableError';
}

export type EngineFailure =
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'stopped'; readonly message: string }
  | { readonly kind: 'unavailable'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string; readonly findings: readonly { readonly code: string; readonly message: string }[] }
  | { readonly kind: 'failed'; readonly message: string; readonly file: string | null };

/** LSP's code for a request that the client itself cancelled. */
const requestCancelled = -32800;

export function engineFailure(error: unknown): EngineFailure {
  if (error instanceof EngineStoppedError) return { kind: 'stopped', message: error.message };
  if (error instanceof EngineUnavailableError) return { kind: 'unavailable', message: error.message };
  if (error instanceof ResponseError) {
    if (error.code === requestCancelled) return { kind: 'cancelled' };
    if (error.code === engineErrorCode) return domainFailure(error.message, error.data as EngineErrorData | undefined);
  }
  return { kind: 'failed', message: error instanceof Error ? error.message : String(error), file: null };
}

/** True when the request failed because the wire is gone rather than because the engine answered so. */
export function connectionIsGone(error: unknown): boolean {
  return (
    error instanceof ConnectionError ||
    (error instanceof ResponseError && (error.code === ErrorCodes.PendingResponseRejected || error.code === ErrorCodes.MessageWriteError))
  );
}

function domainFailure(message: string, data: EngineErrorData | undefined): EngineFailure {
  if (data?.kind === 'config') return { kind: 'refused', message, findings: data.findings ?? [] };
  return { kind: 'failed', message, file: data?.file ?? null };
}
