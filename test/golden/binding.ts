// The native addon for golden tests. They cannot run without it, and say so by failing: it is a part of every build.
import type { NativeBinding } from '@quantwright/native/binding';
import { loadNative } from '@quantwright/native/load';

export async function goldenBinding(): Promise<NativeBinding> {
  const native = await loadNative();
  if (!native.ok) throw new Error(native.reason);
  return native.binding;
}
