// What a sweep need not do again: measurements that the store has for the same model and arguments, and quantized models that were made by the same config of
// the same model.
import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Run } from '@quantwright/schemas/runs/run';
import { version } from '../version.ts';
import { signature } from './cells.ts';

/** The newest run of the same measurement of the same model. One that is older than a file it read (a text, a task) does not count. */
export async function storedRun(runs: readonly Run[], fingerprint: string, args: readonly string[], folder: string): Promise<Run | null> {
  const wanted = signature(args);
  const found = runs.filter((run) => run.model?.fingerprint === fingerprint && signature(run.command) === wanted).at(-1);
  if (found === undefined) return null;
  const started = Date.parse(found.started);
  for (const arg of args) {
    // NAME=FILE names a file as well.
    for (const path of [arg, arg.slice(arg.indexOf('=') + 1)]) {
      const info = await stat(resolve(folder, path)).catch(() => null);
      if (info?.isFile() && info.mtimeMs > started) return null;
    }
  }
  return found;
}

/** What a quantized model is made of: config, model, the texts that the config names, this version. */
export async function originOf(config: string, modelFingerprint: string): Promise<string> {
  const text = await readFile(config, 'utf8');
  const hash = createHash('sha256').update(`${version}\0${modelFingerprint}\0${text}`);
  for (const [, path = ''] of text.matchAll(/"((?:[^"\\]|\\.)+)"/g)) {
    const info = await stat(resolve(dirname(config), path)).catch(() => null);
    if (info?.isFile()) hash.update(`${path} ${info.size} ${info.mtimeMs}`);
  }
  return hash.digest('hex').slice(0, 32);
}

/** Whether `model` is there and was made of `origin`. */
export async function isMade(model: string, origin: string): Promise<boolean> {
  const there = await stat(model).then(
    () => true,
    () => false,
  );
  return there && (await readFile(originFile(model), 'utf8').catch(() => '')) === origin;
}

export async function noteMade(model: string, origin: string): Promise<void> {
  await writeFile(originFile(model), origin);
}

/** Beside the model, so that nothing is in it that others would ask about. */
function originFile(model: string): string {
  return `${model}.origin`;
}
