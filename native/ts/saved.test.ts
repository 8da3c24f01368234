import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Weight } from './binding.ts';
import { binding, dense, rejects, wrong } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'quantwright-saved-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(folder, `weights-${count++}`);

function packed(codec: 'q4' | 'q8' | 'w8a8', rows: number, cols: number): Promise<Weight> {
  const codes = Uint8Array.from({ length: rows * cols }, (_, i) => (i * 7) % 16);
  const groups = codec === 'w8a8' ? 1 : Math.ceil(cols / 32);
  const scale = Float32Array.from({ length: rows * groups }, (_, i) => 0.5 + i);
  return binding.createWeight({ codec, rows, cols, groupSize: codec === 'w8a8' ? -1 : 32, codes, scale, zero: scale.map((_, i) => i % 5), scaleType: 'f32' });
}

describe('saveWeights and restoreWeight', () => {
  test('weights come back from where they are mapped, also behind pieces of the writer', async () => {
    const path = fresh();
    // The second one is larger than the 4 MiB that are written at once.
    const weights = await Promise.all([packed('q4', 33, 64), packed('q8', 1200, 4096), packed('w8a8', 16, 20)]);
    const head = Uint8Array.of(1, 2, 3);
    let end = 4096;
    const places = weights.map((weight) => {
      const offset = end;
      end = Math.ceil((offset + weight.savedBytes) / 4096) * 4096;
      return { weight, offset };
    });
    await binding.saveWeights(path, head, places);
    assert.deepEqual([...readFileSync(path).subarray(0, 5)], [1, 2, 3, 0, 0]);
    const file = binding.openFile(path);
    const restored = await Promise.all(places.map(({ weight, offset }) => binding.restoreWeight({ file, offset, length: weight.savedBytes })));
    file.close();
    rmSync(path); // the mapping keeps what is in it
    for (const [at, weight] of weights.entries()) {
      const again = restored[at];
      assert.ok(again);
      assert.deepEqual([again.codec, again.rows, again.cols, again.bytes], [weight.codec, weight.rows, weight.cols, weight.bytes]);
      assert.deepEqual(await again.dequantize(), await weight.dequantize());
      const x = Float32Array.from({ length: weight.cols }, (_, i) => Math.sin(i));
      assert.deepEqual(await again.matmul(x, 1), await weight.matmul(x, 1));
      assert.equal(again.savedBytes, weight.savedBytes);
    }
  });

  test('misuse is refused, and leaves no file', async () => {
    const path = fresh();
    const weight = await packed('q4', 8, 32);
    const head = new Uint8Array(100);
    await rejects(binding.saveWeights(path, head, [{ weight, offset: 64 }]), /weights\[0\]\.offset must be a multiple of 64 and at least 100, not 64/);
    await rejects(binding.saveWeights(path, head, [{ weight, offset: 129 }]), /must be a multiple of 64/);
    await rejects(binding.saveWeights(path, head, [{ weight: await dense(1, 1, [1]), offset: 128 }]), /is dense, which is not saved/);
    await rejects(binding.saveWeights(path, head, wrong({})), /weights must be an array/);
    await rejects(binding.saveWeights(join(folder, 'none', 'file'), head, [{ weight, offset: 128 }]), /Cannot create .*file: No such file/, 'QW_IO');
    writeFileSync(path, 'mine');
    await rejects(binding.saveWeights(path, head, [{ weight, offset: 128 }]), /Cannot create .*: File exists/, 'QW_IO');
    assert.equal(readFileSync(path, 'utf8'), 'mine');
    await binding.saveWeights(fresh(), head, [{ weight, offset: 128 }]);
    const file = binding.openFile(join(folder, `weights-${count - 1}`));
    await rejects(binding.restoreWeight({ file, offset: 64, length: weight.savedBytes }), /is damaged: its header/);
    await rejects(binding.restoreWeight({ file, offset: 128, length: weight.savedBytes - 64 }), /is damaged/);
    await rejects(binding.restoreWeight({ file, offset: 100, length: weight.savedBytes }), /must begin at a multiple of 64/);
    await rejects(binding.restoreWeight(wrong(head)), /range must be of a MappedFile/);
    assert.ok(!existsSync(join(folder, 'none')));
  });
});

test('hashRange sees every byte, and gives the same for a file and its bytes', async () => {
  const path = fresh();
  const bytes = Uint8Array.from({ length: 3_000_001 }, (_, i) => i * i);
  writeFileSync(path, bytes);
  const file = binding.openFile(path);
  const whole = await binding.hashRange(bytes);
  assert.match(whole, /^[0-9a-f]{16}$/);
  assert.equal(await binding.hashRange({ file, offset: 0, length: bytes.length }), whole);
  for (const at of [0, 1_048_575, 1_048_576, 3_000_000]) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 128;
    assert.notEqual(await binding.hashRange(changed), whole);
  }
  assert.notEqual(await binding.hashRange(bytes.subarray(1)), whole);
  assert.match(binding.savedLayouts, /^[0-9a-f]{16}$/);
});
