// Loaded models, kept between jobs so that the next chat turn does not load again. A model whose files changed is loaded anew;
// the one that was not used for the longest goes first when there are too many.
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isGgufPath } from '../checkpoint/gguf/file.ts';
import { fileError } from '../errors.ts';
import type { LoadedModel } from '../model/load.ts';

export interface ModelCache {
  /** Key of a directory: equal for every spelling of its path. Throws kind `input` when there is no such directory. */
  key(directory: string): Promise<string>;
  get(directory: string, signal: AbortSignal): Promise<LoadedModel>;
  /** Frees a model; nothing when it is not loaded. */
  unload(directory: string): Promise<void>;
  /** Called with every model that is let go, before its memory is freed. */
  onUnload(listener: (model: LoadedModel) => void): void;
}

interface Entry {
  readonly stamp: string;
  /** Of who asked first: ends the loading for all. */
  readonly signal: AbortSignal;
  readonly model: Promise<LoadedModel>;
}

/** A model to chat with and one to compare it with; more would fill small machines without anybody asking for it. */
const maxModels = 2;

export function createModelCache(load: (directory: string, signal: AbortSignal) => Promise<LoadedModel>): ModelCache {
  // In the order of last use.
  const entries = new Map<string, Entry>();
  const listeners: ((model: LoadedModel) => void)[] = [];

  const drop = async (key: string): Promise<void> => {
    const entry = entries.get(key);
    entries.delete(key);
    const model = await entry?.model.catch(() => null);
    if (!model) return;
    for (const listener of listeners) listener(model);
    model.dispose();
  };

  const enter = async (key: string, signal: AbortSignal): Promise<Entry> => {
    const stamp = await stampOf(key);
    const kept = entries.get(key);
    if (kept?.stamp === stamp) {
      entries.delete(key);
      entries.set(key, kept);
      return kept;
    }
    await drop(key);
    for (const oldest of [...entries.keys()].slice(0, Math.max(0, entries.size - maxModels + 1))) await drop(oldest);
    const entry: Entry = { stamp, signal, model: load(key, signal) };
    entries.set(key, entry);
    // A load that failed or was cancelled must not be handed out again.
    entry.model.catch(() => {
      if (entries.get(key) === entry) entries.delete(key);
    });
    return entry;
  };
  // Jobs that share a model may ask for it at the same time: one after another, so that it is loaded once.
  let entering: Promise<unknown> = Promise.resolve();

  return {
    key: keyOf,
    get: async (directory, signal) => {
      const key = await keyOf(directory);
      for (;;) {
        const entered = entering.then(() => enter(key, signal));
        entering = entered.catch(() => {});
        const entry = await entered;
        try {
          return await entry.model;
        } catch (cause) {
          // Another one's cancellation ended the loading.
          if (signal.aborted || !entry.signal.aborted) throw cause;
        }
      }
    },
    unload: async (directory) => drop(await keyOf(directory).catch(() => directory)),
    onUnload: (listener) => void listeners.push(listener),
  };
}

/** The name of a GGUF file is kept: it says what the file is and where its other parts lie, and may be a link to one that does not. */
async function keyOf(directory: string): Promise<string> {
  if (isGgufPath(directory)) return join(await keyOf(dirname(directory)), basename(directory));
  return realpath(directory).catch((cause: unknown) => {
    throw fileError('open', directory, cause);
  });
}

/** Changes when the model was replaced: config.json is written by every save. */
async function stampOf(directory: string): Promise<string> {
  const files = ['config.json', 'model.safetensors', 'model.safetensors.index.json', 'tokenizer.json'].map((name) => join(directory, name));
  const stamps = await Promise.all(
    (isGgufPath(directory) ? [directory] : files).map((file) =>
      stat(file).then(
        ({ size, mtimeMs, ino }) => `${size}/${mtimeMs}/${ino}`,
        () => '-',
      ),
    ),
  );
  return stamps.join(' ');
}
