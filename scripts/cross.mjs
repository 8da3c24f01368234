// node scripts/native.mjs --cross aarch64: builds the kernels, their tests and the addon for 64-bit Arm Linux with Debian's cross compiler, and
// runs the tests under qemu-user, once as a CPU with dot products and once as one without, so that the levels neon and neondot are both tried.
// Does nothing when its sources are the same as when they last passed. The addon is built and linked, and not loaded: that needs an Arm Node.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { execute, hashOf, jobs, kernelTests, nativeDirectory, runTests, sources } from './native-build.mjs';
import { fail, root } from './setup.mjs';

/** The pointer authentication of qemu's "max" in its quick form: the default one takes most of the time and none of our code uses it. */
const architectures = {
  aarch64: {
    compiler: 'aarch64-linux-gnu-g++',
    emulators: ['qemu-aarch64', 'qemu-aarch64-static'],
    packages: 'g++-aarch64-linux-gnu qemu-user',
    toolchain: join(root, 'cmake', 'aarch64-linux-gnu.cmake'),
    platform: 'linux-arm64',
    // The second has no dot products: what those kernels do without them is all it can show.
    cpus: [{ name: 'max,pauth-impdef=on' }, { name: 'cortex-a72', only: '^(linear_(q[2-8]|w8a8)|cpu)_' }],
  },
};

/** ifInstalled: says what is missing and returns, where an explicit call ends with an error. */
export function testCross(name, { ifInstalled = false, force = false } = {}) {
  const started = Date.now();
  const architecture = architectures[name];
  if (architecture === undefined) fail(`--cross ${name}: there is ${Object.keys(architectures).join(', ')}.`);
  const missing = missingTools(architecture);
  if (missing.length > 0) {
    const words = `${missing.join(' and ')} not found (Debian/Ubuntu: apt install ${architecture.packages})`;
    if (!ifInstalled) fail(`cannot build for ${name}: ${words}.`);
    console.log(`Kernel tests for ${name} skipped: ${words}.`);
    return;
  }
  const directory = join(root, 'build', `cross-${name}`);
  const stamp = join(directory, 'passed.sources');
  const current = hashOf([...sources(), ...kernelTests(), architecture.toolchain], [versionOf(architecture.compiler)]);
  if (!force && existsSync(stamp) && readFileSync(stamp, 'utf8') === current) {
    console.log(`Kernel tests for ${name} passed with these sources before.`);
    return;
  }
  const options = [`-DCMAKE_TOOLCHAIN_FILE=${architecture.toolchain}`, '-DCMAKE_BUILD_TYPE=Release', '-DQUANTWRIGHT_TESTS=ON', `-DCMAKE_JS_INC=${headers()}`];
  execute(`configure for ${name}`, ['cmake', '-S', root, '-B', directory, ...options]);
  execute(`build for ${name}`, ['cmake', '--build', directory, '--parallel', String(jobs)]);
  const addon = join(directory, 'quantwright.node');
  for (const cpu of architecture.cpus) {
    const result = runTests(directory, { environment: { QEMU_CPU: cpu.name }, only: cpu.only });
    console.log(`Kernel tests for ${name} as ${cpu.name.split(',')[0]} under qemu-user: ${result}`);
  }
  writeFileSync(stamp, current);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const size = (statSync(addon).size / 1e6).toFixed(1);
  console.log(`Native addon for ${architecture.platform} built, not loaded: ${relative(root, addon)} (${size} MB, ${seconds} s with the tests)`);
}

function missingTools({ compiler, emulators }) {
  const emulator = emulators.some((one) => versionOf(one) !== null) ? [] : [emulators[0]];
  return versionOf(compiler) === null ? [compiler, ...emulator] : emulator;
}

function versionOf(command) {
  const result = spawnSync(command, ['--version'], { encoding: 'utf8' });
  return result.error ? null : result.stdout.split('\n')[0];
}

/** What cmake-js would hand over; the headers are the same for every platform. */
function headers() {
  const require = createRequire(join(nativeDirectory, 'package.json'));
  return [require('node-api-headers').include_dir, dirname(require.resolve('node-addon-api/package.json'))].join(';');
}
