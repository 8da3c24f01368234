// How every command ends: exit codes, and errors as people and programs want them. 0 done, 1 failed, 2 wrong use, 130 cancelled by Ctrl+C.
import { EngineError } from '../errors.ts';
import { Interruption, type Terminal } from './terminal.ts';

export const exitCodes = { ok: 0, failed: 1, usage: 2, cancelled: 130 } as const;

/** A command was called wrongly: message and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface EndOptions {
  /** Errors go to stdout as a JSON document too. */
  readonly json: boolean;
  /** Exit code of a failure; `check` says 2, because its 1 means findings. */
  readonly failed?: number;
}

/** Runs `body` and sets the process's exit code. Never throws. */
export async function runCommand(terminal: Terminal, options: EndOptions, body: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await body();
  } catch (cause) {
    process.exitCode = report(terminal, options, cause);
  }
}

function report(terminal: Terminal, options: EndOptions, cause: unknown): number {
  if (terminal.signal.aborted) {
    terminal.err('cancelled\n');
    if (options.json) terminal.out(`${JSON.stringify({ event: 'cancelled' })}\n`);
    const reason: unknown = terminal.signal.reason;
    return reason instanceof Interruption ? reason.exitCode : exitCodes.cancelled;
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  terminal.err(`error: ${message}\n`);
  if (cause instanceof EngineError && cause.findings !== undefined && cause.file !== undefined) {
    terminal.err(`(quantwright check ${cause.file} --runtime quantwright shows the places and the fixes)\n`);
  }
  // A defect: the stack is what a report of it needs.
  if (!(cause instanceof EngineError || cause instanceof UsageError) && cause instanceof Error) terminal.err(`${cause.stack ?? ''}\n`);
  if (options.json) {
    const data = cause instanceof EngineError ? cause.toData() : { kind: cause instanceof UsageError ? 'input' : 'internal' };
    terminal.out(`${JSON.stringify({ event: 'error', message, ...data })}\n`);
  }
  return cause instanceof UsageError ? exitCodes.usage : (options.failed ?? exitCodes.failed);
}
