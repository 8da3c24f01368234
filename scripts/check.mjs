// Static checks: format and lint (Biome), generated files fresh. `--write` formats.
import { installDependencies, run } from './setup.mjs';

installDependencies();
const write = process.argv.includes('--write') ? ['--write'] : [];
run(process.execPath, ['node_modules/@biomejs/biome/bin/biome', 'check', ...write, '.']);
run(process.execPath, ['scripts/codegen.mjs', '--check']);
