import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { binding, bytesOf, refuses, rejects, wrong } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'quantwright-binding-'));
after(() => rmSync(folder, { recursive: true, force: true }));

describe('MappedFile', () => {
  const path = join(folder, 'bytes.bin');
  writeFileSync(
    path,
    Uint8Array.from({ length: 10_000 }, (_, i) => i & 255),
  );

  test('reads copies of ranges and knows its size', () => {
    const file = binding.openFile(path);
    assert.equal(file.size, 10_000);
    assert.equal(file.path, path);
    assert.deepEqual([...file.read(254, 4)], [254, 255, 0, 1]);
    assert.equal(file.read(10_000, 0).length, 0);
    file.release(0, 10_000);
    assert.deepEqual([...file.read(4096, 2)], [0, 1]);
  });

  test('an empty file can be mapped', () => {
    writeFileSync(join(folder, 'empty.bin'), '');
    assert.equal(binding.openFile(join(folder, 'empty.bin')).size, 0);
  });

  test('ranges outside, closed files and files that are not there are refused', () => {
    const file = binding.openFile(path);
    refuses(() => file.read(9_999, 2), /Bytes 9999 \.\. 10001 are outside of .*bytes\.bin, which has 10000/);
    refuses(() => file.read(-1, 1), /read: offset must be an integer from 0/);
    refuses(() => file.read(2 ** 53 - 1, 2 ** 53 - 1), /outside/);
    refuses(() => file.read(wrong('0'), 1), /read: offset must be .* not '0'/);
    file.close();
    refuses(() => file.read(0, 1), /is closed/);
    assert.equal(file.size, 10_000);
    refuses(() => binding.openFile(join(folder, 'missing')), /Cannot open .*missing: No such file/, 'QW_IO');
    refuses(() => binding.openFile(folder), /not a regular file/, 'QW_IO');
    refuses(() => binding.openFile(wrong(5)), /path must be a string/);
  });

  test('a weight keeps the mapping alive after the file is closed', async () => {
    const values = Float32Array.from({ length: 6 }, (_, i) => i + 0.5);
    writeFileSync(join(folder, 'weight.bin'), new Uint8Array([9, 9, 9, ...bytesOf(values)])); // unaligned
    const file = binding.openFile(join(folder, 'weight.bin'));
    const weight = await binding.createWeight({ codec: 'dense', type: 'f32', rows: 2, cols: 3, data: { file, offset: 3, length: 24 } });
    file.close();
    assert.deepEqual(await weight.dequantize(), values);
    await rejects(binding.widen({ type: 'f32', rows: 2, cols: 3, data: { file, offset: 3, length: 24 } }), /is closed/);
  });
});
