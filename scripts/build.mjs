// Builds everything: TypeScript, the native addon, the bundles in dist/. Every step skips what is up to date.
import { installDependencies, requirePrerequisites, run } from './setup.mjs';

export function build() {
  requirePrerequisites();
  installDependencies();
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-b']);
  run(process.execPath, ['scripts/native.mjs']);
  run(process.execPath, ['scripts/bundle.mjs']);
}

if (process.argv[1]?.endsWith('build.mjs')) build();
