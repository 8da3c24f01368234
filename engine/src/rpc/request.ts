// How every request is answered: the cancellation token becomes an AbortSignal, what is thrown becomes a typed error, progress goes to the caller.

import type { EngineErrorData } from '@quantwright/schemas/rpc/errors';
import type { CancellationToken, HandlerResult, MessageConnection, ProgressType, RequestParam, RequestType } from 'vscode-jsonrpc';
import { toResponseError } from './errors.ts';

export function handle<P, R>(
  connection: MessageConnection,
  type: RequestType<P, R, EngineErrorData>,
  body: (params: P, signal: AbortSignal) => Promise<R>,
): void {
  // The cast: HandlerResult has a conditional type that cannot be decided for a free R; a promise of R is always one of its cases.
  connection.onRequest(type, (params: P, token: CancellationToken) => answer(token, (signal) => body(params, signal)) as HandlerResult<R, EngineErrorData>);
}

/** Progress under the caller's token; nothing without one. A client that is gone must not end the job's cleaning up. */
export function progressSender<P>(connection: MessageConnection, type: ProgressType<P>, token: string | undefined): (progress: RequestParam<P>) => void {
  if (token === undefined) return () => {};
  return (progress) => void connection.sendProgress(type, token, progress).catch(() => {});
}

async function answer<R>(token: CancellationToken, body: (signal: AbortSignal) => Promise<R>): Promise<R> {
  const controller = new AbortController();
  const cancel = (): void => controller.abort(new DOMException('cancelled by the client', 'AbortError'));
  const listener = token.onCancellationRequested(cancel);
  if (token.isCancellationRequested) cancel();
  try {
    return await body(controller.signal);
  } catch (cause) {
    throw toResponseError(cause, controller.signal);
  } finally {
    listener.dispose();
  }
}
