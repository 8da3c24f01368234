// The first look at a path that should be a model directory, so that a slip is told as one: another path, a file, a model's name on a website.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, fileError } from '../errors.ts';
import { isGgufPath } from './gguf/file.ts';

const expected = 'a model directory holds config.json and safetensors weights';

/** Throws kind `input` (or `io`) unless `path` is what can run: a model directory or a GGUF file. */
export async function requireModel(path: string): Promise<void> {
  if (!isGgufPath(path)) return requireModelDirectory(path);
  const info = await stat(path).catch((cause: unknown) => {
    throw fileError('open', path, cause);
  });
  if (!info.isFile()) throw new EngineError('input', `${path} is no file`, { file: path });
}

/** Throws kind `input` (or `io`) unless `path` is a directory with a config.json. */
export async function requireModelDirectory(path: string): Promise<void> {
  const info = await stat(path).catch((cause: unknown) => {
    const error = fileError('open', path, cause);
    throw error.kind === 'input'
      ? new EngineError('input', `${path}: no such directory; models are read from the disk, never downloaded`, { file: path, cause })
      : error;
  });
  if (isGgufPath(path) && info.isFile())
    throw new EngineError(
      'input',
      `${path} is a GGUF file, which runs as it is (chat, eval, compare); here the model directory that it was made from is needed`,
      { file: path },
    );
  if (!info.isDirectory()) throw new EngineError('input', `${path} is a file; give its directory: ${expected}`, { file: path });
  const config = join(path, 'config.json');
  await stat(config).catch((cause: unknown) => {
    const error = fileError('read', config, cause);
    throw error.kind === 'input' ? new EngineError('input', `${path} has no config.json; ${expected}`, { file: path, cause }) : error;
  });
}
