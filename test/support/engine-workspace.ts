// A throw-away directory for a test, with configs and damaged models made from the embedded one.

import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { quill } from './engine-process.ts';

export interface Workspace {
  readonly root: string;
  path(name: string): string;
  write(name: string, content: string | object): string;
  /** A copy of the embedded model. */
  copyModel(name: string): string;
}

export function createWorkspace(context: TestContext): Workspace {
  const root = mkdtempSync(join(tmpdir(), 'quantwright-test-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const path = (name: string): string => join(root, name);
  return {
    root,
    path,
    write: (name, content) => {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), typeof content === 'string' ? content : JSON.stringify(content));
      return path(name);
    },
    copyModel: (name) => {
      cpSync(quill, path(name), { recursive: true });
      return path(name);
    },
  };
}

export const configs = {
  a16w8: { quant_method: 'instant_quant', weight_format: 'int8', group_size: -1, compute_method: 'weight_only' },
  a16w4g32: { quant_method: 'instant_quant', weight_format: 'uint4', group_size: 32, compute_method: 'weight_only' },
  a8w8: { quant_method: 'instant_quant', weight_format: 'int8', group_size: -1, compute_method: 'activate_quant' },
} as const;

/** Name -> sha256 of every file below a directory. */
export function hashes(directory: string): Readonly<Record<string, string>> {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    files
      .filter((name) => statSync(join(directory, name)).isFile())
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(directory, name)))
          .digest('hex'),
      ]),
  );
}
