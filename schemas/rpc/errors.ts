// Errors that cross a process. Every one has a kind that programs test, and a message that says what, where and what to do.

export type EngineErrorKind =
  | 'config' // the judge refused; `findings` says why
  | 'checkpoint' // a model file is damaged or unsupported
  | 'input' // a path or argument is wrong
  | 'native' // the addon could not be loaded or failed
  | 'io' // disk full, permission ...
  | 'busy' // the model is in use by another job
  | 'internal';

export interface EngineErrorData {
  readonly kind: EngineErrorKind;
  readonly file?: string;
  readonly tensor?: string;
  /** kind config: codes and words, the same as the editor shows. */
  readonly findings?: readonly { readonly code: string; readonly message: string }[];
}

/** JSON-RPC error code of every domain error; `data` is EngineErrorData. Cancellation uses LSP's -32800. */
export const engineErrorCode = -32001;
