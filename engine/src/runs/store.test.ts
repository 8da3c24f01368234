import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { everyKind, perplexityRun } from '@quantwright/schemas/runs/testing';
import { EngineError } from '../errors.ts';
import { runId } from './context.ts';
import { appendRun, findStore, listRuns, readRun } from './store.ts';

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-runs-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('runs are listed oldest first and read back; nothing else is left in the store', async (t) => {
  const store = join(await folder(t), 'deep', 'store');
  assert.deepEqual(await listRuns(store), []);
  const runs = everyKind().map((run, at) => ({ ...run, id: `2026112${9 - at}T120000Z-${run.kind}-x` }));
  await Promise.all(runs.map((run) => appendRun(store, run)));
  assert.deepEqual(
    (await listRuns(store)).map((stored) => (stored.kind === 'run' ? stored.run : stored)),
    [...runs].reverse(),
  );
  assert.deepEqual(await readRun(store, runs[0]?.id ?? ''), runs[0]);
  assert.equal((await readdir(store)).length, runs.length);
});

test('a later version and a damaged file are listed and not read', async (t) => {
  const store = await folder(t);
  await writeFile(join(store, 'a.json'), '{"format":"quantwright-run","version":9}');
  await writeFile(join(store, 'b.json'), '{"format":');
  await writeFile(join(store, '.c.partial'), 'half a run');
  await writeFile(join(store, 'd.json'), JSON.stringify(perplexityRun(9)));
  const listed = await listRuns(store);
  assert.deepEqual(
    listed.map(({ id, kind }) => [id, kind]),
    [
      ['a', 'later'],
      ['b', 'damaged'],
      ['d', 'damaged'],
    ],
  );
  await assert.rejects(readRun(store, 'a'), /written by a later version \(9\); update Quantwright/);
  await assert.rejects(readRun(store, 'd'), /it holds the run 20261123T120000Z-ppl-quill-0000/);
  await assert.rejects(readRun(store, '../secret'), /is no id of a run/);
  await assert.rejects(readRun(store, 'none'), EngineError);
});

test('infinite numbers are kept as the largest number, and NaN is refused', async (t) => {
  const store = await folder(t);
  const run = perplexityRun(Number.POSITIVE_INFINITY);
  await appendRun(store, run);
  const read = await readRun(store, run.id);
  assert.equal(read.kind === 'ppl' && read.result.perplexity, Number.MAX_VALUE);
  await assert.rejects(appendRun(store, { ...run, id: 'n', seconds: Number.NaN }), /cannot be kept: seconds is not of type number/);
  assert.deepEqual(
    (await listRuns(store)).map(({ id }) => id),
    [run.id],
  );
});

test('the store is that of the nearest workspace upwards, else of the folder itself', async (t) => {
  const root = await folder(t);
  await mkdir(join(root, 'work', '.quantwright'), { recursive: true });
  await mkdir(join(root, 'work', 'a', 'b'), { recursive: true });
  assert.equal(await findStore(join(root, 'work', 'a', 'b')), join(root, 'work', '.quantwright', 'runs'));
  assert.equal(await findStore(join(root, 'work', 'a'), 'mine'), join(root, 'work', 'a', 'mine'));
  assert.equal(await findStore(join(root, 'none')), join(root, 'none', '.quantwright', 'runs'));
});

test('ids sort by time and are file names whatever the model is called', () => {
  const id = runId(new Date('2026-11-23T12:00:00.123Z'), 'ppl', '../a b/ü');
  assert.match(id, /^20261123T120000Z-ppl-..-a-b--[0-9a-f]{4}$/);
});
