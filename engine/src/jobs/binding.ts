// The native addon, loaded once a process at first use, so that `check`, `inspect` and `--help` work without it.
import type { NativeBinding } from '@quantwright/native/binding';
import { loadNative } from '@quantwright/native/load';
import { EngineError } from '../errors.ts';

let loading: Promise<NativeBinding> | null = null;

/** Rejects with kind `native` and the reason when the addon cannot be used here. */
export function loadBinding(): Promise<NativeBinding> {
  loading ??= load();
  return loading;
}

async function load(): Promise<NativeBinding> {
  const native = await loadNative();
  if (!native.ok) throw new EngineError('native', native.reason);
  return native.binding;
}
