import assert from 'node:assert/strict';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { planEntry, readIndex } from './entry.ts';

const folder = await mkdtemp(join(tmpdir(), 'quantwright-entry-'));
after(() => rm(folder, { recursive: true, force: true }));

test('weights begin on pages, do not overlap, and the index reads back as it was planned', async () => {
  const modules = fc.array(
    fc.record({ module: fc.string({ unit: 'binary', maxLength: 40 }), bytes: fc.integer({ min: 1, max: 2 ** 40 }).map((n) => n * 64) }),
    {
      maxLength: 60,
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.string(), modules, async (model, list) => {
      const { index, head } = planEntry(model, list);
      let end = head.length;
      for (const [at, { module, offset, length }] of index.weights.entries()) {
        assert.equal(offset % 4096, 0);
        assert.ok(offset >= end);
        assert.deepEqual([module, length], [list[at]?.module, list[at]?.bytes]);
        end = offset + length;
      }
      assert.equal(index.fileBytes, end);
      const path = join(folder, 'entry.packed');
      await writeFile(path, head);
      const size = head.length;
      if (size === end) assert.deepEqual(await readIndex(path), JSON.parse(JSON.stringify(index)));
      else assert.equal(await readIndex(path), `it has ${size} bytes instead of ${end}`);
    }),
    { numRuns: 60 },
  );
});

test('no change of a byte of the index goes unseen', async () => {
  const { index, head } = planEntry('model', [{ module: 'a', bytes: 64 }]);
  const path = join(folder, 'changed.packed');
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 48 + JSON.stringify(index).length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const bytes = Buffer.from(head);
      bytes[at] = (bytes[at] ?? 0) ^ by;
      await writeFile(path, bytes);
      await truncate(path, index.fileBytes);
      // Four bytes of the head are not used yet.
      assert.equal(typeof (await readIndex(path)), at >= 12 && at < 16 ? 'object' : 'string');
    }),
    { numRuns: 200 },
  );
});
