import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EngineError } from '../errors.ts';
import { createOutputDirectory } from './output-directory.ts';

function place(t: TestContext): { readonly root: string; readonly model: string; readonly out: string } {
  const root = mkdtempSync(join(tmpdir(), 'quantwright-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'model'));
  return { root, model: join(root, 'model'), out: join(root, 'out') };
}

const request = { overwrite: false, resume: false, identity: 'a', bytes: 1 };
const refuses =
  (kind: string, words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof EngineError && error.kind === kind && words.test(error.message);

test('the name appears only when the work is committed', async (t) => {
  const { root, model, out } = place(t);
  const directory = await createOutputDirectory({ ...request, out, modelDir: model });
  writeFileSync(join(directory.work, 'config.json'), '{}');
  assert.equal(existsSync(out), false);
  await directory.commit();
  assert.deepEqual(readdirSync(out), ['config.json']);
  assert.deepEqual(readdirSync(root).sort(), ['model', 'out']);
});

test('aborting leaves nothing, not even parents that were made', async (t) => {
  const { root, model } = place(t);
  const directory = await createOutputDirectory({ ...request, out: join(root, 'deep', 'er', 'out'), modelDir: model });
  writeFileSync(join(directory.work, 'x'), '');
  await directory.abort();
  assert.deepEqual(readdirSync(root), ['model']);
});

test('an existing output is refused, kept until the new one is complete, and then replaced', async (t) => {
  const { root, model, out } = place(t);
  mkdirSync(out);
  writeFileSync(join(out, 'config.json'), 'old');
  await assert.rejects(createOutputDirectory({ ...request, out, modelDir: model }), refuses('input', /exists and is not empty/));
  const directory = await createOutputDirectory({ ...request, out, modelDir: model, overwrite: true });
  writeFileSync(join(directory.work, 'config.json'), 'new');
  assert.equal(readFileSync(join(out, 'config.json'), 'utf8'), 'old');
  await directory.commit();
  assert.equal(readFileSync(join(out, 'config.json'), 'utf8'), 'new');
  assert.deepEqual(readdirSync(root).sort(), ['model', 'out']);
});

test('what a job was replacing when it was killed between two renames is put back', async (t) => {
  const { root, model, out } = place(t);
  mkdirSync(`${out}.replaced`);
  writeFileSync(join(`${out}.replaced`, 'config.json'), 'old');
  await assert.rejects(createOutputDirectory({ ...request, out, modelDir: model }), refuses('input', /exists and is not empty/));
  assert.equal(readFileSync(join(out, 'config.json'), 'utf8'), 'old');
  assert.deepEqual(readdirSync(root).sort(), ['model', 'out']);
});

test('a directory that is no model is never replaced', async (t) => {
  const { model, out } = place(t);
  mkdirSync(out);
  writeFileSync(join(out, 'thesis.txt'), 'precious');
  await assert.rejects(createOutputDirectory({ ...request, out, modelDir: model, overwrite: true }), refuses('input', /not a model directory/));
});

test('an output inside the model, around it, or linked to it is refused', async (t) => {
  const { root, model } = place(t);
  symlinkSync(model, join(root, 'link'));
  for (const out of [model, join(model, 'out'), join(root, 'link', 'out')]) {
    await assert.rejects(createOutputDirectory({ ...request, out, modelDir: model }), refuses('input', /inside the model directory/));
  }
  await assert.rejects(createOutputDirectory({ ...request, out: root, modelDir: model, overwrite: true }), refuses('input', /lies inside the output/));
});

test('a result that the disk cannot hold is refused before anything is made', async (t) => {
  const { root, model, out } = place(t);
  await assert.rejects(createOutputDirectory({ ...request, out, modelDir: model, bytes: 2 ** 60 }), refuses('io', /free, and the result needs/));
  assert.deepEqual(readdirSync(root), ['model']);
});

test('what a killed run of the same job left is taken over when asked, else removed', async (t) => {
  const { model, out } = place(t);
  const leave = (identity: string): void => {
    mkdirSync(`${out}.partial`, { recursive: true });
    // A process id that no system gives out.
    writeFileSync(join(`${out}.partial`, 'job.json'), JSON.stringify({ pid: 2 ** 30, identity }));
    writeFileSync(join(`${out}.partial`, 'kept'), '');
  };
  leave('a');
  const same = await createOutputDirectory({ ...request, out, modelDir: model, resume: true });
  assert.deepEqual([same.resumed, existsSync(join(same.work, 'kept'))], [true, true]);
  await same.abort();
  leave('another job');
  const other = await createOutputDirectory({ ...request, out, modelDir: model, resume: true });
  assert.deepEqual([other.resumed, existsSync(join(other.work, 'kept'))], [false, false]);
  await other.abort();
});

test('a directory that a living process writes is left alone', async (t) => {
  const { model, out } = place(t);
  mkdirSync(`${out}.partial`);
  writeFileSync(join(`${out}.partial`, 'job.json'), JSON.stringify({ pid: process.ppid, identity: 'a' }));
  await assert.rejects(
    createOutputDirectory({ ...request, out, modelDir: model, resume: true }),
    refuses('busy', new RegExp(`process ${process.ppid} is writing`)),
  );
});
