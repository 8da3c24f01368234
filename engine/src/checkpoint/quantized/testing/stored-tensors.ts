// Tensors of a test, written to a safetensors file of their own and mapped.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { NativeBinding } from '@quantwright/native/binding';
import { openCheckpoint } from '../../checkpoint.ts';
import { type MappedCheckpoint, mapCheckpoint } from '../../mapped.ts';
import { createSafetensors, type TensorPlan } from '../../writer.ts';

export interface TestTensor extends TensorPlan {
  readonly data: ArrayBufferView;
}

export async function mapTensors(t: Pick<TestContext, 'after'>, tensors: readonly TestTensor[], binding: NativeBinding): Promise<MappedCheckpoint> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-stored-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const writer = await createSafetensors(join(directory, 'model.safetensors'), tensors);
  for (const { name, data } of tensors) await writer.write(name, data);
  await writer.finish();
  return mapCheckpoint(await openCheckpoint(directory), binding);
}

/** The tensors with some of them changed, or left out where the change is null. */
export function changed(tensors: readonly TestTensor[], changes: Readonly<Record<string, Partial<TestTensor> | null>>): TestTensor[] {
  return tensors.flatMap((tensor) => {
    const change = changes[tensor.name];
    return change === null ? [] : [{ ...tensor, ...change }];
  });
}
