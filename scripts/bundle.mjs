// Bundles everything that runs outside this repository into dist/: the extension, the language server, the engine, the command line (CommonJS
// for Node 20) and the chat, job and runs views (browser). Sources are TypeScript; other workspaces resolve through their exports to out/, so run `tsc -b` first.
import { chmodSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');

/** CommonJS has no import.meta: its members are computed from the bundle's own place. */
const importMeta = {
  define: { 'import.meta.url': '__bundleUrl', 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
  prelude: "const __bundleUrl = require('node:url').pathToFileURL(__filename).href;",
};

function nodeBundle(entry, outfile, { executable = false, external = [] } = {}) {
  // esbuild keeps the interpreter line of a source that has one.
  const interpreter = executable && !readFileSync(join(root, entry), 'utf8').startsWith('#!') ? '#!/usr/bin/env node' : '';
  const banner = [interpreter, importMeta.prelude].filter((line) => line !== '').join('\n');
  return {
    entryPoints: [join(root, entry)],
    outfile: join(dist, outfile),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // `module` first: some packages' `main` is UMD, whose require calls a bundler cannot follow.
    mainFields: ['module', 'main'],
    external,
    define: importMeta.define,
    banner: { js: banner },
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'linked',
    logLevel: 'warning',
  };
}

const nodeBundles = () => [
  nodeBundle('client/src/extension.ts', 'extension.js', { external: ['vscode'] }),
  nodeBundle('server/src/main.ts', 'server.js', { executable: true }),
  nodeBundle('engine/src/main.ts', 'engine.js'),
  nodeBundle('engine/src/cli.ts', 'cli.js', { executable: true }),
];

const viewBundle = (view) => ({
  entryPoints: [join(root, `client/webview/${view}/main.ts`)],
  outfile: join(dist, `webview/${view}.js`),
  bundle: true,
  platform: 'browser',
  format: 'iife',
  target: 'es2022',
  minify: true,
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'linked',
  logLevel: 'warning',
});

const viewStyle = (view) => ({
  entryPoints: [join(root, `client/webview/${view}/${view}.css`)],
  outfile: join(dist, `webview/${view}.css`),
  bundle: true,
  minify: true,
  logLevel: 'warning',
});

export async function bundle() {
  mkdirSync(join(dist, 'webview'), { recursive: true });
  const views = ['chat', 'job', 'runs'].flatMap((view) => [viewBundle(view), viewStyle(view)]);
  await Promise.all([...nodeBundles(), ...views].map((options) => build(options)));
  for (const file of ['server.js', 'cli.js']) chmodSync(join(dist, file), 0o755);
  copyCodicons();
}

/** The icons of the views: a font and the style sheet that names its glyphs. */
function copyCodicons() {
  const assets = dirname(createRequire(join(root, 'client/package.json')).resolve('@vscode/codicons/dist/codicon.css'));
  for (const file of ['codicon.css', 'codicon.ttf']) copyFileSync(join(assets, file), join(dist, 'webview', file));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await bundle();
