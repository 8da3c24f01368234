import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseArguments } from './arguments.ts';
import { version } from './version.ts';

test('the version is the manifest’s', () => {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.equal((manifest as { version: string }).version, version);
});

for (const transport of ['--stdio', '--node-ipc', '--socket=6009']) {
  test(`${transport} serves`, () => assert.deepEqual(parseArguments([transport, '--clientProcessId=1']), { kind: 'serve' }));
}

test('--version prints the version and nothing else', () => {
  assert.deepEqual(parseArguments(['--version']), { kind: 'print', text: `${version}\n`, exitCode: 0 });
});

test('without a transport the error says what to add', () => {
  const start = parseArguments([]);
  assert.ok(start.kind === 'print' && start.exitCode === 2 && start.text.includes('--stdio'));
});
