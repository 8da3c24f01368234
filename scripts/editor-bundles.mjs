// Bundles of the editor tests, in dist-test/. The extension-host suite is CommonJS with `vscode` and mocha left out, because VS Code
// itself loads it; the runners are ours and run in Node.
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './setup.mjs';

const shared = { bundle: true, platform: 'node', target: 'node20', sourcemap: 'inline', logLevel: 'warning' };

/** The one entry that scripts/test-editor.mjs and scripts/test-electron.mjs give to VS Code as extensionTestsPath. */
export async function bundleExtensionHostSuite() {
  const outfile = join(root, 'dist-test', 'extension-host.js');
  await build({ ...shared, entryPoints: [join(root, 'test/extension-host/index.ts')], outfile, format: 'cjs', external: ['vscode', 'mocha'] });
  return outfile;
}

export async function bundleRunner(entry, name) {
  const outfile = join(root, 'dist-test', name);
  await build({ ...shared, entryPoints: [join(root, entry)], outfile, format: 'esm', external: ['playwright-core'] });
  return outfile;
}
