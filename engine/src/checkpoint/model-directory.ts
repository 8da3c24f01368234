// The first look at a path that should be a model directory, so that a slip is told as one: another path, a file, a model's name on a website.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, fileError } from '../errors.ts';

const expected = 'a model directory holds config.json and safetensors weights';

/** Throws kind `input` (or `io`) unless `path` is a directory with a config.json. */
export async function requireModelDirectory(path: string): Promise<void> {
  const info = await stat(path).catch((cause: unknown) => {
    const error = fileError('open', path, cause);
    throw error.kind === 'input'
      ? new EngineError('input', `${path}: no such directory; models are read from the disk, never downloaded`, { file: path, cause })
      : error;
  });
  if (!info.isDirectory()) throw new EngineError('input', `${path} is a file; give its directory: ${expected}`, { file: path });
  const config = join(path, 'config.json');
  await stat(config).catch((cause: unknown) => {
    const error = fileError('read', config, cause);
    throw error.kind === 'input' ? new EngineError('input', `${path} has no config.json; ${expected}`, { file: path, cause }) : error;
  });
}
