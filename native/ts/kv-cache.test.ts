import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KiviKvCache, ProgramSpec } from './binding.ts';
import { binding, dense, refuses } from './testing.ts';

const heads = 2;
const headDim = 32;
const width = heads * headDim;
const vocabulary = 64;

/** Attention over what a table says of each token: q, k and v are parts of its row. */
async function attending(): Promise<ProgramSpec> {
  const table = await dense(
    vocabulary,
    3 * width,
    Array.from({ length: vocabulary * 3 * width }, (_, i) => 2 * Math.sin(i * i * 0.37 + i)),
  );
  const slice = (part: number) => ({ op: 'slice', in: 0, out: part + 1, offset: part * width }) as const;
  return {
    input: 'tokens',
    values: [3 * width, width, width, width, width],
    body: [
      { op: 'embed', table, out: 0 },
      slice(0),
      slice(1),
      slice(2),
      { op: 'attention', q: 1, k: 2, v: 3, out: 4, layer: 0, heads, kvHeads: heads, headDim, scale: 1 / Math.sqrt(headDim) },
    ],
    head: [],
    output: 4,
  };
}

const tokens = (count: number, seed: number) => Int32Array.from({ length: count }, (_, i) => (i * 29 + i * i * seed) % vocabulary);
const kivi = (over: Partial<KiviKvCache> = {}): KiviKvCache => ({
  kind: 'kivi',
  keyBits: 4,
  valueBits: 4,
  groupSize: 32,
  residualLength: 32,
  quantizePrefill: false,
  ...over,
});

describe('sessions with a KIVI cache', () => {
  test('a prompt sees what it was, tokens after it see it packed', async () => {
    const program = binding.createProgram(await attending());
    const prompt = tokens(300, 3);
    const exact = program.createSession(400, 'f16');
    const packed = program.createSession(400, kivi());
    const early = program.createSession(400, kivi({ quantizePrefill: true }));
    const wanted = await program.run(exact, prompt, 'all');
    assert.deepEqual(await program.run(packed, prompt, 'all'), wanted);
    assert.notDeepEqual(await program.run(early, prompt, 'all'), wanted);
    assert.ok(packed.cacheBytes < exact.cacheBytes / 2);
    const next = [exact, packed, early].map((session) => program.run(session, Int32Array.of(5), 'last'));
    const [plain, after, likewise] = await Promise.all(next);
    assert.ok(plain && after && likewise);
    assert.deepEqual(after, likewise);
    assert.notDeepEqual(after, plain);
    const error = after.reduce((sum, value, i) => sum + (value - (plain[i] ?? Number.NaN)) ** 2, 0) / plain.reduce((sum, value) => sum + value ** 2, 0);
    assert.ok(error > 0 && error < 0.02, `relative error ${error}`);
  });

  test('a prompt cut by other sequences of a batch gives what it gives alone', async () => {
    const program = binding.createProgram(await attending());
    const prompt = tokens(300, 5);
    const alone = program.createSession(400, kivi({ keyBits: 2, valueBits: 2 }));
    const wanted = [...(await program.run(alone, prompt, 'all')), ...(await program.run(alone, tokens(1, 1), 'last'))];
    for (const before of [3, 100, 253]) {
      const other = program.createSession(400, kivi());
      const session = program.createSession(400, kivi({ keyBits: 2, valueBits: 2 }));
      const [, got] = await program.runBatch([
        { session: other, input: tokens(before, 7), rows: 'last' },
        { session, input: prompt, rows: 'all' },
      ]);
      const last = await program.run(session, tokens(1, 1), 'last');
      assert.deepEqual([...(got ?? []), ...last], wanted, `behind ${before} rows of another sequence`);
      assert.equal(session.cacheBytes, alone.cacheBytes);
    }
  });

  test('guesses that are taken back leave no trace', async () => {
    const program = binding.createProgram(await attending());
    const guessing = program.createSession(400, kivi());
    const plain = program.createSession(400, kivi());
    for (const session of [guessing, plain]) await program.run(session, tokens(60, 3), 'none');
    for (let round = 0; round < 24; round++) {
      const guesses = tokens(1 + (round % 8), round + 2);
      const kept = Math.max(1, guesses.length - (round % 3));
      const rows = await program.run(guessing, guesses, 'all');
      guessing.truncate(plain.length + kept);
      for (let i = 0; i < kept; i++) {
        const row = await program.run(plain, guesses.slice(i, i + 1), 'last');
        assert.deepEqual(row, rows.slice(i * width, (i + 1) * width), `round ${round}, row ${i}`);
      }
      assert.equal(guessing.length, plain.length);
    }
  });

  test('settings that do not fit are refused', async () => {
    const program = binding.createProgram(await attending());
    refuses(() => program.createSession(64, kivi({ groupSize: 48 })), /multiple of group_size \(48\)/);
    refuses(() => program.createSession(64, kivi({ groupSize: 16, residualLength: 40 })), /not 40/);
    refuses(() => program.createSession(64, { ...kivi(), keyBits: 3 as 4 }), /2 or 4 bits, not 3/);
  });
});
