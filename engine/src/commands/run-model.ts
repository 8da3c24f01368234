// Loads a model for a command, with a status line while it loads.
import { requireModel } from '../checkpoint/model-directory.ts';
import { loadBinding } from '../jobs/binding.ts';
import { type LoadedModel, loadModel } from '../model/load.ts';
import { userPackedCache } from '../packed-cache/packed-cache.ts';
import { statusLine, type Terminal } from './terminal.ts';

export interface LoadChoices {
  /** False: packed weights are neither taken from the cache nor kept in it. */
  readonly cache: boolean;
}

/** Of every command that loads a model. */
export const noCacheOption = ['--no-cache', 'neither use nor keep packed weights in the cache'] as const;

export async function runModel<T>(terminal: Terminal, directory: string, { cache }: LoadChoices, body: (model: LoadedModel) => Promise<T>): Promise<T> {
  // A slip in the path is told as one where the addon is missing too.
  await requireModel(directory);
  const binding = await loadBinding();
  const line = statusLine(terminal);
  const model = await loadModel(directory, {
    binding,
    signal: terminal.signal,
    cache: cache ? userPackedCache(binding, (text) => terminal.err(`note: ${text}\n`)) : null,
    onProgress: ({ loaded, of }) => line.show(`loading ${directory}: ${loaded}/${of}`),
  }).finally(line.clear);
  try {
    return await body(model);
  } finally {
    model.dispose();
  }
}
