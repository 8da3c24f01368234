import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdtemp, open, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { NativeBinding } from '@quantwright/native/binding';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { createPackedCache } from './packed-cache.ts';
import { packedModel } from './testing/model.ts';

const binding = await loadBinding();
const linears = 14;

interface Loaded {
  readonly logits: Float32Array;
  readonly fromCache: boolean;
  /** Linears that were packed from their tensors. */
  readonly packed: number;
  /** Pieces of the model's data that were hashed. */
  readonly hashed: number;
  readonly notes: readonly string[];
}

/** `later`: milliseconds that files seem to be older than they are. */
async function load(modelDir: string, directory: string, maxBytes: number | null = null, later = 0): Promise<Loaded> {
  let packed = 0;
  let hashed = 0;
  const counting: NativeBinding = Object.assign(Object.create(binding) as NativeBinding, {
    createWeight: (...[spec]: Parameters<NativeBinding['createWeight']>) => {
      if (spec.codec !== 'dense') packed += 1;
      return binding.createWeight(spec);
    },
    hashRange: (...[range]: Parameters<NativeBinding['hashRange']>) => {
      hashed += 1;
      return binding.hashRange(range);
    },
  });
  const notes: string[] = [];
  const cache = createPackedCache({
    binding: counting,
    location: { directory, maxBytes },
    worthMs: 0,
    now: () => Date.now() + later,
    note: (text) => notes.push(text),
  });
  const model = await loadModel(modelDir, { binding: counting, cache });
  const logits = await logitsOf(model, Int32Array.of(3, 1, 4, 1, 5, 9));
  await model.cached;
  return { logits, fromCache: model.fromCache, packed, hashed, notes };
}

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-cache-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'packed');
}

const entriesOf = async (directory: string): Promise<string[]> => (await readdir(directory)).filter((name) => name.endsWith('.packed'));

test('the second load packs nothing and gives the same logits to the bit', async (t) => {
  const [model, cache] = [await packedModel(t), await folder(t)];
  const first = await load(model, cache);
  assert.deepEqual([first.fromCache, first.packed, first.notes], [false, linears, []]);
  const second = await load(model, cache);
  assert.deepEqual([second.fromCache, second.packed, second.notes], [true, 0, []]);
  assert.deepEqual(second.logits, first.logits);
  assert.equal((await entriesOf(cache)).length, 1);
  assert.ok((await readdir(cache)).every((name) => !name.endsWith('.partial')));
});

test('a copy of the model, and one whose times changed, hit; another model of the same shape does not', async (t) => {
  const [model, cache] = [await packedModel(t), await folder(t)];
  const first = await load(model, cache);
  const copy = await folder(t);
  await cp(model, copy, { recursive: true });
  assert.equal((await load(copy, cache)).packed, 0);
  await utimes(join(model, 'model.safetensors'), new Date(0), new Date(0));
  assert.equal((await load(model, cache)).packed, 0);
  const other = await load(await packedModel(t, 2), cache);
  assert.equal(other.packed, linears);
  assert.notDeepEqual(other.logits, first.logits);
  assert.equal((await entriesOf(cache)).length, 2);
});

test('one changed byte is a miss, even with the old time and size', async (t) => {
  const [model, cache] = [await packedModel(t), await folder(t)];
  const first = await load(model, cache);
  const file = join(model, 'model.safetensors');
  const { atime, mtime, size } = await stat(file);
  for (const back of [100, 3001, size >> 1]) {
    const handle = await open(file, 'r+');
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, size - back);
    await handle.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, size - back);
    await handle.close();
    await utimes(file, atime, mtime);
    const changed = await load(model, cache);
    assert.deepEqual([changed.fromCache, changed.packed], [false, linears]);
    assert.equal((await load(model, cache)).packed, 0);
  }
  assert.equal((await entriesOf(cache)).length, 4);
  assert.equal(first.packed, linears);
});

test('files that are as they were for a while are known without reading their data; a write shows at once', async (t) => {
  const [model, cache] = [await packedModel(t), await folder(t)];
  const first = await load(model, cache, null, 60_000);
  assert.deepEqual([first.packed, first.hashed], [linears, 1]); // for the name of the entry, after the load
  const second = await load(model, cache, null, 60_000);
  assert.deepEqual([second.packed, second.hashed], [0, 0]);
  const file = join(model, 'model.safetensors');
  const bytes = await readFile(file);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(file, bytes);
  const changed = await load(model, cache, null, 60_000);
  assert.equal(changed.packed, linears);
  assert.notEqual(changed.hashed, 0);
});

test('a changed quantization config is a miss', async (t) => {
  const [model, cache] = [await packedModel(t), await folder(t)];
  const first = await load(model, cache);
  const path = join(model, 'config.json');
  await writeFile(path, (await readFile(path, 'utf8')).replace('"signed":false', '"signed":true'));
  const changed = await load(model, cache);
  assert.equal(changed.packed, linears);
  assert.notDeepEqual(changed.logits, first.logits);
});

test('a damaged entry is told, made anew and used again', async (t) => {
  const [model, cache] = [await packedModel(t), await folder(t)];
  const { logits } = await load(model, cache);
  const damage: readonly (readonly [what: RegExp, (path: string) => Promise<void>])[] = [
    [/it has \d+ bytes instead of \d+/, async (path) => truncate(path, (await stat(path)).size - 64)],
    [/it does not begin as a packed model/, async (path) => truncate(path, 0)],
    [/its index is damaged/, (path) => flip(path, 60)],
    // The first weight begins with the first page behind the index.
    [/a saved weight is damaged: its header/, (path) => flip(path, 4096 + 40)],
  ];
  for (const [what, harm] of damage) {
    const [name = ''] = await entriesOf(cache);
    await harm(join(cache, name));
    const again = await load(model, cache);
    assert.equal(again.packed, linears);
    assert.equal(again.notes.length, 1);
    assert.match(again.notes[0] ?? '', what);
    assert.deepEqual(again.logits, logits);
    assert.equal((await load(model, cache)).packed, 0);
  }
});

async function flip(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 4;
  await writeFile(path, bytes);
}

test('two processes that load at once both run, and leave one entry', async (t) => {
  const [model, cache] = [await packedModel(t), await folder(t)];
  const results = await Promise.all([run(model, cache), run(model, cache), run(model, cache)]);
  assert.equal(new Set(results.map(({ logits }) => logits)).size, 1);
  assert.deepEqual(
    results.flatMap(({ notes }) => notes),
    [],
  );
  assert.equal((await entriesOf(cache)).length, 1);
  assert.ok((await readdir(cache)).every((name) => !name.endsWith('.partial')));
  assert.equal((await run(model, cache)).fromCache, true);
});

async function run(...args: readonly string[]): Promise<{ readonly fromCache: boolean; readonly logits: string; readonly notes: readonly string[] }> {
  const script = fileURLToPath(new URL('testing/load-once.js', import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  return JSON.parse(text) as { fromCache: boolean; logits: string; notes: string[] };
}

test('a folder that cannot be written is told once, and the model runs', async (t) => {
  const model = await packedModel(t);
  const place = await folder(t);
  await writeFile(join(place, '..', 'file'), '');
  const inside = join(place, '..', 'file', 'packed'); // below a file, where nobody can write, not even root
  const first = await load(model, inside);
  assert.equal(first.packed, linears);
  assert.equal(first.notes.length, 1);
  assert.match(first.notes[0] ?? '', /packed models are not kept in .*file/);
  assert.deepEqual((await load(model, inside)).notes, []);
});

test('the model that was not used for the longest makes room; one that is larger than the cache is not kept', async (t) => {
  const cache = await folder(t);
  const models = [await packedModel(t, 1), await packedModel(t, 2), await packedModel(t, 3)] as const;
  await load(models[0], cache);
  const [name = ''] = await entriesOf(cache);
  const { size } = await stat(join(cache, name));
  await load(models[1], cache, 2.5 * size);
  // The first is used again, so that the second is the older one; times of files may be as coarse as 2 s.
  const [, older = ''] = [name, ...(await entriesOf(cache)).filter((other) => other !== name)];
  await utimes(join(cache, older), new Date(0), new Date(0));
  assert.equal((await load(models[0], cache)).packed, 0);
  await load(models[2], cache, 2.5 * size);
  assert.deepEqual([(await load(models[0], cache)).packed, (await entriesOf(cache)).length], [0, 2]);
  assert.ok(!(await entriesOf(cache)).includes(older));
  const small = await load(models[1], cache, size / 2);
  assert.match(small.notes[0] ?? '', /needs \d+ bytes, more than the \d+ bytes of the cache/);
  assert.equal((await entriesOf(cache)).length, 2);
});
