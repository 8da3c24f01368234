// The identity of a job: equal exactly when its result would be equal byte for byte, whatever memory and time it may take. Weights are told apart by header, size and time of change:
// hashing gigabytes would cost as much as quantizing them.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { version } from '../version.ts';
import type { JudgedJob } from './judge.ts';

/** `sequences`: what it is calibrated on; null: nothing. */
export async function jobIdentity(job: JudgedJob, checkpoint: Checkpoint, sequences: readonly Int32Array[] | null): Promise<string> {
  const hash = createHash('sha256');
  for (const sequence of sequences ?? []) {
    hash.update(`${sequence.length} tokens`);
    hash.update(sequence);
  }
  hash.update(JSON.stringify([version, { ...job.recipe, memoryLimitBytes: null, priority: 'normal' }, job.modelConfigText]));
  for (const file of checkpoint.files) {
    const { size, mtimeMs } = await stat(file);
    hash.update(JSON.stringify([file, size, mtimeMs]));
  }
  for (const name of checkpoint.names) {
    const { dtype, shape, offset } = checkpoint.info(name);
    hash.update(JSON.stringify([name, dtype, shape, offset]));
  }
  return hash.digest('hex');
}
