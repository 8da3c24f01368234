// A fresh folder for one test to open, with the files it asks for. Nothing is shared between tests: they quantize, save and delete.
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Workspace {
  readonly dir: string;
  path(...parts: string[]): string;
  /** Writes a file, with its folders; objects become JSON as a person would write it. */
  write(name: string, content: string | object): Promise<string>;
  /** Copies a folder of the project into the workspace. */
  copy(source: string, name: string): Promise<string>;
  /** All files and folders, relative and sorted; hidden ones too. */
  list(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

/** `name`: of the folder, which the window shows in its title and explorer. */
export async function createWorkspace(name = 'my-model'): Promise<Workspace> {
  const parent = await mkdtemp(join(tmpdir(), 'quantwright-workspace-'));
  const dir = join(parent, name);
  await mkdir(dir);
  const path = (...parts: string[]) => join(dir, ...parts);
  return {
    dir,
    path,
    async write(name, content) {
      await mkdir(dirname(path(name)), { recursive: true });
      await writeFile(path(name), typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`);
      return path(name);
    },
    async copy(source, name) {
      await cp(source, path(name), { recursive: true });
      return path(name);
    },
    async list() {
      return (await readdir(dir, { recursive: true })).sort();
    },
    async remove() {
      await rm(parent, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
