import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { joinWikitext, looksLikeWikitext, readSourcedText } from './text-source.ts';

test('rows keep their line ends, blank lines become empty rows, and an empty line stands between rows', () => {
  assert.equal(joinWikitext(' \n = Title = \n \n Text . \n'), '\n\n = Title = \n\n\n\n\n Text . \n');
  assert.equal(joinWikitext('one line without an end'), 'one line without an end\n');
});

test('every row that is not blank is kept as it is, in order', () => {
  const line = fc.string({ maxLength: 12 }).map((text) => text.replaceAll('\n', ' '));
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), (lines) => {
      const kept = (text: string): readonly string[] => text.split('\n').filter((row) => row.trim() !== '');
      assert.deepEqual(kept(joinWikitext(lines.join('\n'))), kept(lines.join('\n')));
    }),
  );
});

test('size and digest are of the string that is encoded, not of the file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'quantwright-text-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'wiki.test.raw');
  await writeFile(file, 'a\n \nü\n');
  assert.ok(looksLikeWikitext(file) && !looksLikeWikitext(join(folder, 'wiki.txt')));
  const plain = await readSourcedText(file, 'file');
  assert.deepEqual([plain.text, plain.source.bytes, plain.source.join], ['a\n \nü\n', 7, 'file']);
  const joined = await readSourcedText(file, 'wikitext');
  assert.equal(joined.text, 'a\n\n\n\n\nü\n');
  assert.equal(joined.source.bytes, Buffer.byteLength(joined.text));
  assert.equal(joined.source.sha256, createHash('sha256').update(joined.text).digest('hex'));
});
