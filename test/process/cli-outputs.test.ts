// Several outputs of one pass over the source: each is what its own job gives, and all or none appear.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { quill, runCli } from '../support/engine-process.ts';
import { configs, createWorkspace, hashes } from '../support/engine-workspace.ts';

const gptq = JSON.stringify({ quant_method: 'gptq', weight_format: 'uint4', group_size: 64, calibration: { samples: 2, sequence_length: 64, seed: 3 } });

test('two configs give what two jobs give, bytes and all', { timeout: 300_000 }, async (t) => {
  const workspace = createWorkspace(t);
  const [first, second] = [workspace.write('a.quant.json', configs.a16w4g32), workspace.write('b.quant.json', gptq)];
  const [a, b] = [workspace.path('a'), workspace.path('b')];
  const both = await runCli(['quantize', quill, '--config', first, '--out', a, '--config', second, '--out', b, '--json']);
  assert.equal(both.code, 0, both.stderr);
  assert.match(both.stderr, /gptq was calibrated on the built-in text/);
  const results = both.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ event }) => event === 'result');
  assert.deepEqual(
    results.map(({ outDir }) => outDir),
    [a, b],
  );
  for (const [config, out] of [
    [first, a],
    [second, b],
  ] as const) {
    const alone = `${out}-alone`;
    const one = await runCli(['quantize', quill, '--config', config, '--out', alone, '--priority', 'background']);
    assert.equal(one.code, 0, one.stderr);
    assert.deepEqual(hashes(alone), hashes(out));
  }
});

test('one config that is refused leaves no output at all', async (t) => {
  const workspace = createWorkspace(t);
  const good = workspace.write('a.quant.json', configs.a16w8);
  const bad = workspace.write('b.quant.json', JSON.stringify({ quant_method: 'rtn', weight_format: 'int3', save_format: 'compressed-tensors' }));
  const result = await runCli(['quantize', quill, '--config', good, '--out', workspace.path('a'), '--config', bad, '--out', workspace.path('b')]);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /b\.quant\.json/);
  assert.ok(!existsSync(workspace.path('a')) && !existsSync(workspace.path('b')));
  assert.deepEqual(
    readdirSync(workspace.path('.')).filter((name) => name.includes('partial')),
    [],
  );
});

test('configs and directories go in pairs', async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('a.quant.json', configs.a16w8);
  const missing = await runCli(['quantize', quill, '--config', config, '--config', config, '--out', workspace.path('a')]);
  assert.deepEqual([missing.code, /2 --config and 1 --out were given/.test(missing.stderr)], [2, true]);
  const twice = await runCli([
    'quantize',
    quill,
    '--config',
    config,
    '--config',
    config,
    '--out',
    workspace.path('a'),
    '--out',
    join(workspace.path('a'), '.'),
  ]);
  assert.deepEqual([twice.code, /given twice/.test(twice.stderr)], [2, true]);
  assert.match(readFileSync(config, 'utf8'), /quant_method/);
});
