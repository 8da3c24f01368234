// Loads a model for a command, with a status line while it loads.
import { requireModelDirectory } from '../checkpoint/model-directory.ts';
import { loadBinding } from '../jobs/binding.ts';
import { type LoadedModel, loadModel } from '../model/load.ts';
import { statusLine, type Terminal } from './terminal.ts';

export async function runModel<T>(terminal: Terminal, directory: string, body: (model: LoadedModel) => Promise<T>): Promise<T> {
  // A slip in the path is told as one where the addon is missing too.
  await requireModelDirectory(directory);
  const binding = await loadBinding();
  const line = statusLine(terminal);
  const model = await loadModel(directory, {
    binding,
    signal: terminal.signal,
    onProgress: ({ loaded, of }) => line.show(`loading ${directory}: ${loaded}/${of}`),
  }).finally(line.clear);
  try {
    return await body(model);
  } finally {
    model.dispose();
  }
}
