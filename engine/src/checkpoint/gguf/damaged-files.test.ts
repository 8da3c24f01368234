// Damaged GGUF files are refused with file and tensor or key, before anything is allocated for what they claim; no byte sequence does worse than that.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { EngineError } from '../../errors.ts';
import { MoreBytesNeeded } from './bytes.ts';
import { openGguf } from './file.ts';
import { parseGgufHeader } from './header.ts';
import { type Entry, type GgufFile, ggufFile, type TensorEntry } from './testing/writer.ts';

const entries: readonly Entry[] = [
  ['general.architecture', 'text', 'llama'],
  ['tokenizer.ggml.tokens', 'texts', ['a', 'b', 'ü']],
  ['tokenizer.ggml.scores', 'f32s', [0, -1, 0.5]],
  ['llama.block_count', 'u64', 3],
  ['tokenizer.ggml.add_bos_token', 'bool', true],
];
const tensor = (name: string, changed: Partial<TensorEntry> = {}): TensorEntry => ({ name, type: 8, shape: [2, 32], data: new Uint8Array(68), ...changed });
const sound: GgufFile = { entries, tensors: [tensor('a'), tensor('b', { type: 0, shape: [5], data: new Uint8Array(20) })] };

function refused(file: GgufFile | Uint8Array, message: RegExp, tensorName?: string): void {
  const bytes = file instanceof Uint8Array ? file : ggufFile(file);
  assert.throws(
    () => parseGgufHeader(bytes, 'x.gguf', bytes.length),
    (error) =>
      error instanceof EngineError &&
      error.kind === 'checkpoint' &&
      error.file === 'x.gguf' &&
      error.message.startsWith('x.gguf: ') &&
      message.test(error.message) &&
      error.tensor === tensorName,
  );
}

test('a sound header gives metadata and tensors, outermost dimension first', () => {
  for (const version of [2, 3]) {
    const bytes = ggufFile({ ...sound, version });
    const { metadata, tensors } = parseGgufHeader(bytes, 'x.gguf', bytes.length);
    assert.deepEqual(metadata.get('tokenizer.ggml.tokens'), ['a', 'b', 'ü']);
    assert.deepEqual(metadata.get('tokenizer.ggml.scores'), [0, -1, 0.5]);
    assert.equal(metadata.get('llama.block_count'), 3);
    assert.equal(metadata.get('tokenizer.ggml.add_bos_token'), true);
    const { offset, ...a } = tensors.get('a') ?? assert.fail('no tensor a');
    assert.deepEqual(a, { name: 'a', type: 'Q8_0', shape: [2, 32], file: 'x.gguf', bytes: 68 });
    assert.equal(offset % 32, 0);
    assert.equal(tensors.get('b')?.offset, offset + 96);
  }
});

test('files that are no GGUF, of another version or byte order', () => {
  refused(new TextEncoder().encode('{"model_type": "llama", "more": 1}'), /is no GGUF file/);
  refused(new Uint8Array(0), /is no GGUF file/);
  refused({ ...sound, version: 1 }, /version 1 cannot be read; versions 2 and 3 can/);
  refused({ ...sound, version: 3 * 2 ** 24 }, /a big-endian file cannot be read/);
});

test('counts and lengths that the file cannot hold', () => {
  refused({ ...sound, counts: { tensors: 2 ** 40 } }, /1099511627776 tensors, more than the limit/);
  refused({ ...sound, counts: { tensors: 900_000 } }, /tensors: 900000 of at least 24 bytes each do not fit/);
  refused({ ...sound, counts: { entries: 99_999 } }, /metadata: 99999 of at least 13 bytes each do not fit/);
  const long = ggufFile(sound);
  new DataView(long.buffer, long.byteOffset).setBigUint64(24, 2n ** 62n, true);
  refused(long, /the length of metadata key 0 at offset 24 is 4611686018427387904, more than any file holds/);
});

test('names that stand twice, and keys that mean nothing', () => {
  refused({ ...sound, entries: [...entries, ['llama.block_count', 'u32', 4]] }, /the metadata names "llama\.block_count" twice/);
  refused({ ...sound, tensors: [tensor('a'), tensor('a')] }, /two tensors are named "a"/, 'a');
  for (const value of [0, 33, 2 ** 30])
    refused({ ...sound, entries: [...entries, ['general.alignment', 'u32', value]] }, new RegExp(`general\\.alignment is ${value}; it must be a power of two`));
});

test('tensors of other types, of broken shapes, outside the file or inside each other', () => {
  refused({ ...sound, tensors: [tensor('a', { type: 16 })] }, /tensor "a" has type IQ2_XXS, which cannot run here; those that can: F32, F16, BF16, Q4_0/, 'a');
  refused({ ...sound, tensors: [tensor('a', { type: 4711 })] }, /tensor "a" has type number 4711/, 'a');
  refused({ ...sound, tensors: [tensor('a', { shape: [2, 31] })] }, /tensor "a": rows of 31 are no whole Q8_0 blocks of 32/, 'a');
  refused({ ...sound, tensors: [tensor('a', { shape: [0, 32] })] }, /tensor "a" has shape \[0, 32\]/, 'a');
  refused({ ...sound, tensors: [tensor('a', { shape: [2 ** 30, 2 ** 30] })] }, /tensor "a" has shape/, 'a');
  refused({ ...sound, tensors: [tensor('a', { shape: [1, 1, 1, 1, 32] })] }, /tensor "a" has 5 dimensions/, 'a');
  refused({ ...sound, tensors: [tensor('a', { offset: 16 })] }, /tensor "a" begins at offset 16 of the data, which is no multiple of 32/, 'a');
  refused({ ...sound, tensors: [tensor('a', { offset: 2 ** 40 })] }, /tensor "a" ends at offset \d+, but the file ends at/, 'a');
  refused({ ...sound, tensors: [tensor('a'), tensor('b', { offset: 64 })] }, /tensor "b" begins at offset \d+, inside tensor "a"/, 'b');
});

test('a file cut short anywhere is refused, by its header or by a tensor that ends outside', () => {
  const bytes = ggufFile(sound);
  // The last bytes are padding, which writers may leave out.
  for (let length = 0; length < bytes.length - 12; length += 1) {
    assert.throws(
      () => parseGgufHeader(bytes.subarray(0, length), 'x.gguf', length),
      (error) => error instanceof EngineError && /^x\.gguf: .*(cut short|is no GGUF file|do not fit)/.test(error.message),
      `cut to ${length} of ${bytes.length} bytes`,
    );
  }
});

test('a header beyond the first bytes asks for more', () => {
  const bytes = ggufFile(sound);
  assert.throws(() => parseGgufHeader(bytes.subarray(0, 100), 'x.gguf', bytes.length), MoreBytesNeeded);
});

test('whatever a byte becomes, the header is read or refused by name', () => {
  const bytes = ggufFile(sound);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
      const changed = Uint8Array.from(bytes);
      for (const [at, value] of changes) changed[at] = value;
      try {
        for (const one of parseGgufHeader(changed, 'x.gguf', changed.length).tensors.values()) assert.ok(one.offset + one.bytes <= changed.length);
      } catch (error) {
        assert.ok(error instanceof EngineError && error.kind === 'checkpoint' && error.message.startsWith('x.gguf: '), String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a model in parts is opened by any of them, and only whole', async (t) => {
  const directory = await temporary(t);
  const part = (index: number): string => join(directory, `m-0000${index}-of-00002.gguf`);
  const parts = (first: number, second: number): readonly Uint8Array[] => [
    ggufFile({ entries: [...entries, ['split.no', 'u32', first], ['split.count', 'u32', 2], ['split.tensors.count', 'i32', 2]], tensors: [tensor('a')] }),
    ggufFile({
      entries: [
        ['split.no', 'u32', second],
        ['split.count', 'u32', 2],
      ],
      tensors: [tensor('b')],
    }),
  ];
  const write = async ([first = new Uint8Array(), second]: readonly Uint8Array[]): Promise<void> => {
    await writeFile(part(1), first);
    if (second !== undefined) await writeFile(part(2), second);
  };
  await write(parts(0, 1).slice(0, 1));
  await assert.rejects(openGguf(part(1)), /cannot open .*m-00002-of-00002\.gguf: no such file/);
  await write(parts(0, 1));
  for (const index of [1, 2]) {
    const model = await openGguf(part(index));
    assert.deepEqual([...model.tensors.keys()], ['a', 'b']);
    assert.equal(model.tensors.get('b')?.file, part(2));
    assert.equal(model.metadata.text('general.architecture'), 'llama');
  }
  await write(parts(1, 0));
  await assert.rejects(openGguf(part(1)), /m-00001-of-00002\.gguf: split\.no is 1, but the name says part 1, which is number 0/);
  await write([...parts(0, 1).slice(0, 1), ggufFile({ entries: [['split.no', 'u32', 1]], tensors: [tensor('a')] })]);
  await assert.rejects(openGguf(part(1)), /tensor a is in two files/);
  await write([...parts(0, 1).slice(0, 1), ggufFile({ entries: [['split.no', 'u32', 1]], tensors: [] })]);
  await assert.rejects(openGguf(part(1)), /the parts hold 1 tensors, but split\.tensors\.count says 2/);
  const alone = join(directory, 'alone.gguf');
  await writeFile(alone, parts(0, 1)[0] ?? '');
  await assert.rejects(openGguf(alone), /alone\.gguf: one of 2 parts; they must lie side by side/);
});

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-gguf-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
