// The plan: what --dry-run says is what the job does, and a memory limit is kept.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { quill, runCli } from '../support/engine-process.ts';
import { configs, createWorkspace } from '../support/engine-workspace.ts';

const lines = (text: string): readonly Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('a dry run tells the exact size and writes nothing; the job reports what was planned beside what was measured', { timeout: 120_000 }, async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('a.quant.json', configs.a16w4g32);
  const out = workspace.path('out');
  const dry = await runCli(['quantize', quill, '--config', config, '--out', out, '--dry-run', '--json']);
  assert.equal(dry.code, 0, dry.stderr);
  const [plan = {}] = lines(dry.stdout);
  assert.equal(plan['event'], 'plan');
  assert.ok(!existsSync(out));
  assert.deepEqual(readdirSync(workspace.path('.')), ['a.quant.json']);

  const done = await runCli(['quantize', quill, '--config', config, '--out', out, '--json']);
  assert.equal(done.code, 0, done.stderr);
  const result = lines(done.stdout).at(-1) ?? {};
  const files = readdirSync(out).filter((name) => name.endsWith('.safetensors'));
  const written = files.reduce((sum, name) => sum + statSync(`${out}/${name}`).size, 0);
  assert.deepEqual([plan['outputBytes'], result['outputBytes']], [written, written]);
  const estimate = result['estimate'];
  assert.ok(typeof estimate === 'object' && estimate !== null && 'peakMemoryBytes' in estimate && 'seconds' in estimate);
  const [peak, planned] = [Number(result['peakMemoryBytes']), Number(estimate.peakMemoryBytes)];
  t.diagnostic(`peak ${peak} bytes, planned ${planned}; ${String(result['seconds'])} s, planned ${String(estimate.seconds)} s`);
  assert.ok(peak <= planned && planned <= 1.3 * peak, `planned ${planned} bytes, used ${peak}`);
  assert.ok(Number(estimate.seconds) > 0);
});

test('a dry run shows people sizes, memory, disk and time', { timeout: 60_000 }, async (t) => {
  const workspace = createWorkspace(t);
  const { code, stdout } = await runCli([
    'quantize',
    quill,
    '--config',
    workspace.write('a.quant.json', configs.a16w8),
    '--out',
    workspace.path('out'),
    '--dry-run',
  ]);
  assert.equal(code, 0);
  for (const words of [/down_proj +8 +6\.00 MiB -> /, /embed_tokens, as it is +1 /, /files +\S+ MiB, of .* free/, /peak memory +\S+ MiB: /, /time +about /])
    assert.match(stdout, words);
});

test('a job stays below its memory limit', { timeout: 60_000 }, async (t) => {
  const workspace = createWorkspace(t);
  const limit = 160 * 2 ** 20;
  const args = ['quantize', quill, '--config', workspace.write('a.quant.json', configs.a16w8), '--out', workspace.path('out')];
  const { code, stdout, stderr } = await runCli([...args, '--memory-limit', String(limit), '--json']);
  assert.equal(code, 0, stderr);
  assert.ok(Number(lines(stdout).at(-1)?.['peakMemoryBytes']) < limit);
});
