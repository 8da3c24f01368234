// For the tests of this workspace: the loaded binding, and assertions on how it refuses misuse.
import assert from 'node:assert/strict';
import type { NativeBinding, Weight } from './binding.ts';
import { loadNative } from './load.ts';

const loaded = await loadNative();
assert.ok(loaded.ok, loaded.ok ? '' : loaded.reason);
export const binding: NativeBinding = loaded.binding;
export const addonPath: string = loaded.path;

/** What TypeScript would refuse; JavaScript callers can still do it. */
export const wrong = (value: unknown): never => value as never;

export function refuses(call: () => unknown, words: RegExp, code = 'QW_INVALID_ARGUMENT'): void {
  assert.throws(call, (error: Error & { code?: string }) => says(error, words, code));
}

export async function rejects(promise: Promise<unknown>, words: RegExp, code = 'QW_INVALID_ARGUMENT'): Promise<void> {
  await assert.rejects(promise, (error: Error & { code?: string }) => says(error, words, code));
}

function says(error: Error & { code?: string }, words: RegExp, code: string): true {
  assert.match(error.message, words);
  assert.equal(error.code, code);
  return true;
}

export const bytesOf = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

export function dense(rows: number, cols: number, values: readonly number[]): Promise<Weight> {
  return binding.createWeight({ codec: 'dense', type: 'f32', rows, cols, data: bytesOf(Float32Array.from(values)) });
}
