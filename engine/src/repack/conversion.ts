// What every conversion is: judged first, then written into a directory.
import type { NativeBinding } from '@quantwright/native/binding';
import type { ConvertProgress, ConvertResult } from '@quantwright/schemas/rpc/engine';

export interface ConvertHooks {
  readonly loadBinding: () => Promise<NativeBinding>;
  readonly onProgress?: ((progress: ConvertProgress) => void) | undefined;
  /** Looked at between tensors; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What a conversion wrote into its directory. */
export interface Written {
  readonly files: readonly string[];
  readonly bytes: number;
  readonly linears: ConvertResult['linears'];
  readonly warnings: readonly string[];
  /** gguf: type of every quantized linear, by module. */
  readonly types?: ReadonlyMap<string, string>;
}

/** A conversion that was found possible. */
export interface PlannedConversion {
  readonly outputBytes: number;
  write(directory: string): Promise<Written>;
}
