// Commands that are ended early: by Ctrl+C, by another signal, or because nobody reads their output. The exit code says which, and nothing is left.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { quill, quillText, startCli } from '../support/engine-process.ts';
import { configs, createWorkspace } from '../support/engine-workspace.ts';

test('quantize cleans up for every way of being ended', async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('a.quant.json', configs.a16w4g32);
  const ends: readonly (readonly [string, number, (child: ReturnType<typeof startCli>['child']) => void])[] = [
    ['SIGINT', 130, (child) => child.kill('SIGINT')],
    ['SIGTERM', 143, (child) => child.kill('SIGTERM')],
    ['SIGHUP', 129, (child) => child.kill('SIGHUP')],
    ['a closed pipe', 141, (child) => child.stdout?.destroy()],
  ];
  for (const [name, expected, end] of ends) {
    const running = startCli(['quantize', quill, '--config', config, '--out', workspace.path('out'), '--json']);
    running.child.stdout?.once('data', () => end(running.child));
    const { code, stderr } = await running.result;
    assert.equal(code, expected, `${name}: ${stderr}`);
    assert.match(stderr, /^cancelled$/m);
    assert.deepEqual(readdirSync(workspace.root), ['a.quant.json'], name);
  }
});

test('Ctrl+C ends eval between two windows', async () => {
  const running = startCli(['eval', 'ppl', quill, '--text', quillText, '--window', '64', '--stride', '1', '--json', '--no-run']);
  setTimeout(() => running.child.kill('SIGINT'), 1500);
  const { code, stdout } = await running.result;
  assert.deepEqual([code, JSON.parse(stdout)], [130, { event: 'cancelled' }]);
});

test('Ctrl+C ends a conversation, in an answer and between two', async () => {
  const answering = startCli(['chat', quill, '--prompt', 'Tell me a story about a cat.', '--temperature', '5', '--max-tokens', '100000']);
  answering.child.stdout?.once('data', () => answering.child.kill('SIGINT'));
  assert.equal((await answering.result).code, 130);
  const waiting = startCli(['chat', quill], { keepOpen: true, input: 'What is quantization?\n' });
  waiting.child.stderr?.on('data', (chunk: Buffer) => {
    if (/tokens\/s/.test(chunk.toString('utf8'))) waiting.child.kill('SIGINT');
  });
  assert.equal((await waiting.result).code, 130);
});

test('output that is cut off is no defect', async (t) => {
  const workspace = createWorkspace(t);
  const cut = startCli(['chat', quill, '--prompt', 'Tell me a story about a cat.', '--temperature', '5', '--max-tokens', '100000']);
  cut.child.stdout?.once('data', () => cut.child.stdout?.destroy());
  const { code, stderr } = await cut.result;
  assert.deepEqual([code, stderr], [141, 'cancelled\n']);
  const unheard = startCli(['quantize', quill, '--config', workspace.write('a.quant.json', configs.a16w8), '--out', workspace.path('out')]);
  unheard.child.stderr?.destroy();
  assert.equal((await unheard.result).code, 0, 'messages that nobody reads do not end a job');
  assert.equal(existsSync(workspace.path('out')), true);
});
