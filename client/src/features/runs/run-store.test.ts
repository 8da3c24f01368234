import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { everyKind, modelNamed, perplexityRun } from '@quantwright/schemas/runs/testing';
import { runRow } from './run-row.ts';
import { RunStore } from './run-store.ts';

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-runs-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('runs of all stores come newest first, and what cannot be read comes with its reason', async (t) => {
  const [one, two] = [await folder(t), await folder(t)];
  const older = perplexityRun(9, undefined, { id: 'older', started: '2026-11-22T12:00:00.000Z' });
  const newer = perplexityRun(8, undefined, { id: 'newer', started: '2026-11-23T12:00:00.000Z' });
  await writeFile(join(one, 'newer.json'), JSON.stringify(newer));
  await writeFile(join(two, 'older.json'), JSON.stringify(older));
  await writeFile(join(two, 'later.json'), '{"format":"quantwright-run","version":9}');
  await writeFile(join(two, '.half.partial'), 'half');
  const store = new RunStore();
  const { runs, unread } = await store.list([one, two, join(one, 'absent')]);
  assert.deepEqual(
    runs.map(({ run }) => run),
    [newer, older],
  );
  assert.deepEqual(
    unread.map(({ id, problem }) => [id, problem]),
    [['later', 'written by a later Quantwright (version 9); update to read it']],
  );
  const again = await store.list([one, two]);
  assert.equal(again.runs[0]?.run, runs[0]?.run, 'a file that has not changed is not parsed again');
  await rm(join(one, 'newer.json'));
  assert.equal((await store.list([one, two])).runs.length, 1);
});

test('every kind of run has a line that says what it found', () => {
  const rows = everyKind(modelNamed('quill', { method: 'GPTQ int4 g128', kvCache: 'int8' })).map((run) => runRow(run, '/f'));
  assert.deepEqual(
    rows.filter(({ found }) => found === ''),
    [],
  );
  assert.match(rows[0]?.found ?? '', /^perplexity 9\.2500, bits\/byte/);
  assert.equal(rows[0]?.detail, 'GPTQ int4 g128, int8 cache');
});

test('commands are quoted as a shell reads them', () => {
  const run = { ...perplexityRun(9), command: ['eval', 'ppl', 'my models/a', '--text', "it's.txt"] };
  assert.equal(runRow(run, '/f').command, `quantwright eval ppl 'my models/a' --text 'it'\\''s.txt'`);
});
