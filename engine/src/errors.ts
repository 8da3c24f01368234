// EngineError: the one exception that the engine throws on purpose. It names what went wrong and where, and crosses a process as EngineErrorData.
// Anything else that is thrown is a defect and is reported as kind `internal`.

import type { EngineErrorData, EngineErrorKind } from '@quantwright/schemas/rpc/errors';
import { printable } from './printable.ts';

export interface EngineErrorPlace {
  readonly file?: string | undefined;
  readonly tensor?: string | undefined;
  /** Findings of the judge (kind `config`). */
  readonly findings?: readonly { readonly code: string; readonly message: string }[] | undefined;
  readonly cause?: unknown;
}

export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly kind: EngineErrorKind;
  readonly file: string | undefined;
  readonly tensor: string | undefined;
  readonly findings: readonly { readonly code: string; readonly message: string }[] | undefined;

  /** `message` is for people: what is wrong, where, and what to do. Control characters in it are spelled. */
  constructor(kind: EngineErrorKind, message: string, place: EngineErrorPlace = {}) {
    super(printable(message), place.cause === undefined ? undefined : { cause: place.cause });
    this.kind = kind;
    this.file = place.file;
    this.tensor = place.tensor;
    this.findings = place.findings;
  }

  /** What a JSON-RPC error response carries in `data`. */
  toData(): EngineErrorData {
    return {
      kind: this.kind,
      ...(this.file === undefined ? {} : { file: this.file }),
      ...(this.tensor === undefined ? {} : { tensor: this.tensor }),
      ...(this.findings === undefined ? {} : { findings: this.findings }),
    };
  }
}

/** The error of an unsuccessful file operation: kind `io`, or `input` when the path does not exist. */
export function fileError(action: string, file: string, cause: unknown): EngineError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const why = reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new EngineError(code === 'ENOENT' || code === 'ENOTDIR' ? 'input' : 'io', `cannot ${action} ${file}: ${why}`, { file, cause });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOSPC: 'no space left on the device',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many open files',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
};
