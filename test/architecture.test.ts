// The project's shape, checked: who may import whom, how long a file may be, generated files fresh, no leftovers.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((path) => /\.(ts|mts|mjs|cc|cu|cuh|h)$/.test(path) && !path.includes('/generated/') && existsNow(path));

function existsNow(path: string): boolean {
  try {
    readFileSync(join(root, path));
    return true;
  } catch {
    return false;
  }
}

const text = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Workspace of a file -> the workspaces it may import. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  schemas: [],
  native: [],
  server: ['schemas'],
  client: ['schemas'],
  engine: ['schemas', 'native'],
  test: ['schemas', 'native', 'engine', 'server', 'client'],
};

test('workspaces import only what the architecture allows', () => {
  const wrong: string[] = [];
  for (const path of files.filter((file) => file.endsWith('.ts'))) {
    const workspace = path.split('/')[0] ?? '';
    const may = allowed[workspace];
    if (may === undefined) continue;
    for (const match of text(path).matchAll(/(?:from|import)\s*\(?\s*'(@quantwright\/([a-z]+)\/[^']*|vscode|(?:\.\.\/)+([a-z]+)\/[^']*)'/g)) {
      const target = match[2];
      if (target !== undefined && target !== workspace && !may.includes(target)) wrong.push(`${path} imports ${match[1]}`);
      if (match[1] === 'vscode' && workspace !== 'client' && !path.startsWith('test/extension-host/')) wrong.push(`${path} imports vscode`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('kernels know nothing of Node, and native holds no mathematics headers of its own', () => {
  const wrong = files.filter((path) => path.startsWith('kernels/') && /#include\s+[<"](napi|node_api)/.test(text(path)));
  assert.deepEqual(wrong, []);
});

test('no file is longer than 500 lines', () => {
  const long = files.map((path) => ({ path, lines: text(path).split('\n').length })).filter(({ lines }) => lines > 500);
  assert.deepEqual(long, []);
});

test('there are no drawers for homeless code', () => {
  const drawers = files.filter((path) => /(^|\/)(utils?|helpers?|common|misc)(\/|\.[a-z]+$)/.test(path));
  assert.deepEqual(drawers, []);
});

test('TypeScript sources have no any and no non-null assertions', () => {
  const wrong = files
    .filter((path) => path.endsWith('.ts') && path !== 'test/architecture.test.ts')
    .filter((path) =>
      /(:\s*any\b|\bas any\b|<any>)/.test(
        text(path)
          .replace(/\/\/.*$/gm, '')
          .replace(/\/\*[\s\S]*?\*\//g, ''),
      ),
    );
  assert.deepEqual(wrong, []);
});

test('ARCHITECTURE.md names every conversation of schemas/rpc', () => {
  const architecture = text('ARCHITECTURE.md');
  const missing = files
    .filter((path) => path.startsWith('schemas/rpc/') && !path.endsWith('.test.ts'))
    .filter((path) => !architecture.includes(path.split('/').pop() ?? path));
  assert.deepEqual(missing, []);
});
