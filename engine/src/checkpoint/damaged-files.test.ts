// Damaged safetensors files through the public readers: openCheckpoint and inspectPath. Nothing crashes or hangs, whatever the bytes say; every refusal is an
// EngineError that names the file, and what is accepted keeps the format's promises. Seeded, so that a failure can be run again.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { EngineError } from '../errors.ts';
import { inspectPath } from '../jobs/inspect.ts';
import { openCheckpoint } from './checkpoint.ts';
import { createSafetensors, type TensorPlan } from './writer.ts';

const seed = 20_261_123;
const files = 2_000;
/** A header of a few hundred bytes takes well below a millisecond; this is for a machine that is busy with other things. */
const slowestMs = 5_000;

const plan: readonly TensorPlan[] = [
  { name: 'model.embed_tokens.weight', dtype: 'BF16', shape: [8, 4] },
  { name: 'model.layers.0.self_attn.q_proj.qweight', dtype: 'I32', shape: [2, 4] },
  { name: 'model.norm.weight', dtype: 'F32', shape: [4] },
  { name: 'empty', dtype: 'F16', shape: [0, 3] },
  { name: 'scalar', dtype: 'U8', shape: [] },
];

/** What a header says where something else should stand. */
const words = [
  '-1',
  '0',
  '9007199254740993',
  '1e400',
  'null',
  '"F8_E4M3"',
  '[',
  ']',
  '{',
  '}',
  '\\u0000',
  '"__metadata__"',
  '18446744073709551615',
  ',',
  ':',
  '\ufffd',
];

type Change =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'cut'; readonly at: number; readonly length: number }
  | { readonly kind: 'end'; readonly at: number }
  | { readonly kind: 'insert'; readonly at: number; readonly word: string }
  | { readonly kind: 'repeat'; readonly at: number; readonly length: number }
  | { readonly kind: 'number'; readonly which: number; readonly word: string }
  | { readonly kind: 'length'; readonly value: bigint };

const at = fc.nat(9_999).map((part) => part / 10_000);
const word = fc.constantFrom(...words);
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('cut' as const), at, length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant('end' as const), at }),
  fc.record({ kind: fc.constant('insert' as const), at, word }),
  fc.record({ kind: fc.constant('repeat' as const), at, length: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constant('number' as const), which: fc.nat(40), word: fc.oneof(word, fc.maxSafeInteger().map(String)) }),
  fc.record({ kind: fc.constant('length' as const), value: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 1_000n })) }),
);

function changed(bytes: Buffer, one: Change): Buffer {
  // Most of the damage goes to the header, where the reader looks.
  const place = (where: number): number => Math.floor(where * Math.max(0, bytes.length - 1));
  switch (one.kind) {
    case 'flip': {
      const out = Buffer.from(bytes);
      const index = place(one.at);
      if (index < out.length) out[index] = (out[index] ?? 0) ^ (1 << one.bit);
      return out;
    }
    case 'cut':
      return Buffer.concat([bytes.subarray(0, place(one.at)), bytes.subarray(place(one.at) + one.length)]);
    case 'end':
      return bytes.subarray(0, place(one.at));
    case 'insert':
      return Buffer.concat([bytes.subarray(0, place(one.at)), Buffer.from(one.word), bytes.subarray(place(one.at))]);
    case 'repeat': {
      const begin = place(one.at);
      return Buffer.concat([bytes.subarray(0, begin + one.length), bytes.subarray(begin)]);
    }
    case 'number':
      return renumbered(bytes, one.which, one.word);
    case 'length': {
      if (bytes.length < 8) return bytes;
      const out = Buffer.from(bytes);
      out.writeBigUInt64LE(one.value);
      return out;
    }
  }
}

/** Replaces one number of the header and corrects its length, so that the change is not found by the first check already. */
function renumbered(bytes: Buffer, which: number, by: string): Buffer {
  if (bytes.length < 8) return bytes;
  const length = Number(bytes.readBigUInt64LE(0));
  if (length > bytes.length - 8) return bytes;
  let seen = 0;
  const header = bytes.toString('latin1', 8, 8 + length).replace(/\d+/g, (found) => (seen++ === which ? by : found));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([prefix, Buffer.from(header), bytes.subarray(8 + length)]);
}

async function wholeFile(t: TestContext): Promise<{ readonly file: string; readonly bytes: Buffer }> {
  const directory = mkdtempSync(join(tmpdir(), 'quantwright-damaged-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'model.safetensors');
  const writer = await createSafetensors(file, plan, { format: 'pt' });
  for (const { name, dtype, shape } of plan) {
    const width = { BF16: 2, I32: 4, F32: 4, F16: 2, U8: 1 }[dtype as 'BF16'];
    await writer.write(name, new Uint8Array(shape.reduce((product, size) => product * size, width)));
  }
  await writer.finish();
  return { file, bytes: readFileSync(file) };
}

test(`${files} damaged files are refused by name or read correctly`, async (t) => {
  const { file, bytes } = await wholeFile(t);
  let accepted = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const damaged = changes.reduce(changed, bytes);
      writeFileSync(file, damaged);
      const started = performance.now();
      try {
        const checkpoint = await openCheckpoint(file);
        const report = await inspectPath(file);
        accepted++;
        assert.deepEqual(
          report.tensors.map(({ name }) => name),
          checkpoint.names,
        );
        for (const name of checkpoint.names) {
          const { offset, bytes: size, shape } = checkpoint.info(name);
          assert.ok(offset >= 8 && size >= 0 && offset + size <= damaged.length, `${name} lies inside the file`);
          assert.ok(shape.every((length) => Number.isSafeInteger(length) && length >= 0));
        }
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        refused++;
        assert.ok(error.kind === 'checkpoint' || error.kind === 'input', `${error.kind}: ${error.message}`);
        assert.equal(error.file, file);
        assert.ok(error.message.includes(file), error.message);
        assert.ok(
          error.message.length < 2_000 && [...error.message].every((character) => character >= ' '),
          `fit for a terminal: ${JSON.stringify(error.message)}`,
        );
      }
      assert.ok(performance.now() - started < slowestMs, 'a damaged file must not cost more than a whole one');
    }),
    { seed, numRuns: files, endOnFailure: true, includeErrorInReport: true },
  );
  t.diagnostic(`${refused} refused, ${accepted} still readable`);
  assert.ok(refused > files / 2 && accepted > 0, `${refused} refused, ${accepted} readable: the damage must reach the reader, and some be harmless`);
});
