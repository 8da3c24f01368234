import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EngineError } from '../errors.ts';
import { readTextFile } from './text-file.ts';

function file(t: TestContext, bytes: Buffer | string): string {
  const directory = mkdtempSync(join(tmpdir(), 'quantwright-text-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'a.txt'), bytes);
  return join(directory, 'a.txt');
}

const refuses =
  (words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof EngineError && error.kind === 'input' && words.test(error.message);

test('text is read as it is, replacement characters and byte order mark included', async (t) => {
  const text = '\ufeffh\u00e9llo \ufffd \u{1f600}\n';
  assert.equal(await readTextFile(file(t, text)), text);
});

test('bytes that are no UTF-8 are refused with line and offset, past a genuine replacement character', async (t) => {
  const bytes = Buffer.concat([Buffer.from('one \ufffd\ntwo \u00e9 '), Buffer.from([0xff]), Buffer.from(' three \ufffd')]);
  await assert.rejects(readTextFile(file(t, bytes)), refuses(/a\.txt:2: not valid UTF-8 \(byte 15\); convert it/));
  await assert.rejects(readTextFile(file(t, Buffer.from([0x61, 0xe2, 0x82]))), refuses(/a\.txt:1: not valid UTF-8 \(byte 1\)/));
});

test('an empty file, a missing one and a directory say so', async (t) => {
  const empty = file(t, '');
  await assert.rejects(readTextFile(empty), refuses(/a\.txt is empty/));
  await assert.rejects(readTextFile(`${empty}.none`), refuses(/no such file/));
  await assert.rejects(readTextFile(join(empty, '..')), (error) => error instanceof EngineError && /it is a directory/.test(error.message));
});
