// What a failed request answers: domain errors with their kind, cancellation with LSP's code, everything else as `internal` with its message.

import { type EngineErrorData, engineErrorCode } from '@quantwright/schemas/rpc/errors';
import { ResponseError } from 'vscode-jsonrpc';
import { EngineError } from '../errors.ts';

/** LSP's RequestCancelled. */
export const cancelledCode = -32800;

export function toResponseError(cause: unknown, signal: AbortSignal): ResponseError<EngineErrorData> {
  if (signal.aborted) return new ResponseError(cancelledCode, 'cancelled');
  if (cause instanceof EngineError) return new ResponseError(engineErrorCode, cause.message, cause.toData());
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ResponseError(engineErrorCode, nativeMessage(cause) ?? `defect in the engine: ${message}`, {
    kind: nativeMessage(cause) === null ? 'internal' : 'native',
  });
}

/** Errors of the addon carry a code that begins with QW_. */
function nativeMessage(cause: unknown): string | null {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' && cause.code.startsWith('QW_') ? cause.message : null;
}
