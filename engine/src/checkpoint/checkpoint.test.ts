import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { EngineError } from '../errors.ts';
import { openCheckpoint } from './checkpoint.ts';
import { type Dtype, dtypeBytes } from './dtype.ts';
import { createCheckpoint } from './sharded-writer.ts';
import { createSafetensors, planBytes, type TensorPlan } from './writer.ts';

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'quantwright-checkpoint-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function writeModel(path: string, plan: readonly TensorPlan[], maxShardBytes?: number): Promise<void> {
  const writer = await createCheckpoint(path, plan, maxShardBytes === undefined ? {} : { maxShardBytes });
  for (const tensor of [...plan].reverse()) await writer.write(tensor.name, pattern(tensor));
  await writer.finish();
}

function pattern(tensor: TensorPlan): Uint8Array {
  return Uint8Array.from({ length: planBytes(tensor) }, (_, index) => (index * 31 + tensor.name.length) & 255);
}

const plan: readonly TensorPlan[] = [
  { name: 'a.weight', dtype: 'BF16', shape: [3, 4] },
  { name: 'b.codes', dtype: 'I8', shape: [5] },
  { name: 'c.scale', dtype: 'F32', shape: [2] },
];

test('a checkpoint in shards reads back as it was written', async (t) => {
  const path = await directory(t);
  await writeModel(path, plan, 12);
  assert.deepEqual((await readdir(path)).sort(), [
    'model-00001-of-00003.safetensors',
    'model-00002-of-00003.safetensors',
    'model-00003-of-00003.safetensors',
    'model.safetensors.index.json',
  ]);
  const checkpoint = await openCheckpoint(path);
  assert.deepEqual(checkpoint.names, ['a.weight', 'b.codes', 'c.scale']);
  for (const tensor of plan) {
    const info = checkpoint.info(tensor.name);
    const bytes = (await readFile(info.file)).subarray(info.offset, info.offset + info.bytes);
    assert.deepEqual(Uint8Array.from(bytes), pattern(tensor));
  }
});

test('any set of tensors survives the round trip, each aligned to its elements', async (t) => {
  const path = await directory(t);
  const dtypes: Dtype[] = ['U8', 'I8', 'F16', 'BF16', 'I32', 'F32', 'I64'];
  const tensors = fc.uniqueArray(
    fc.record({
      name: fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((name) => name !== '__metadata__'),
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.nat(5), { maxLength: 3 }),
    }),
    { maxLength: 8, selector: (tensor) => tensor.name },
  );
  await fc.assert(
    fc.asyncProperty(tensors, async (cases) => {
      const file = join(path, 'model.safetensors');
      await writeModel(path, cases);
      const checkpoint = await openCheckpoint(file);
      assert.equal(checkpoint.names.length, cases.length);
      const data = await readFile(file);
      for (const tensor of cases) {
        const info = checkpoint.info(tensor.name);
        assert.deepEqual([info.dtype, info.shape], [tensor.dtype, tensor.shape]);
        assert.equal(info.offset % dtypeBytes(tensor.dtype), 0);
        assert.deepEqual(Uint8Array.from(data.subarray(info.offset, info.offset + info.bytes)), pattern(tensor));
      }
    }),
    { numRuns: 50 },
  );
});

test('two writings of one plan give equal bytes', async (t) => {
  const path = await directory(t);
  await mkdir(join(path, 'x'));
  await mkdir(join(path, 'y'));
  await writeModel(join(path, 'x'), plan);
  await writeModel(join(path, 'y'), plan);
  assert.deepEqual(await readFile(join(path, 'x', 'model.safetensors')), await readFile(join(path, 'y', 'model.safetensors')));
});

test('an unfinished or aborted file never stands under its name', async (t) => {
  const path = await directory(t);
  const file = join(path, 'model.safetensors');
  const writer = await createSafetensors(file, plan);
  await writer.write('a.weight', new Uint8Array(24));
  assert.deepEqual(await readdir(path), ['model.safetensors.partial']);
  await assert.rejects(writer.finish(), /2 tensors .* were not written, the first is c\.scale/);
  await writer.abort();
  assert.deepEqual(await readdir(path), []);
});

test('the writer refuses wrong sizes, unknown names and second writes', async (t) => {
  const writer = await createSafetensors(join(await directory(t), 'm.safetensors'), plan);
  await assert.rejects(writer.write('a.weight', new Uint8Array(23)), /23 bytes given, 24 planned/);
  await assert.rejects(writer.write('z', new Uint8Array(1)), /tensor z is not planned/);
  await writer.abort();
});

test('shard names cannot leave the model directory', async (t) => {
  const outside = await directory(t);
  await writeModel(outside, plan);
  for (const shard of ['../model.safetensors', join(outside, 'model.safetensors'), '..', 'sub/model.safetensors', 'C:\\model.safetensors', '']) {
    const path = await directory(t);
    await writeFile(join(path, 'model.safetensors.index.json'), JSON.stringify({ weight_map: { 'a.weight': shard } }));
    await assert.rejects(
      openCheckpoint(path),
      (error) => error instanceof EngineError && error.kind === 'checkpoint' && /plain file name/.test(error.message),
      shard,
    );
  }
});

test('a shard that is a link out of the directory is refused, but the Hugging Face cache is read', async (t) => {
  const root = await directory(t);
  const model = join(root, 'models--x--y', 'snapshots', 'abc');
  const blobs = join(root, 'models--x--y', 'blobs');
  await mkdir(model, { recursive: true });
  await mkdir(blobs);
  await writeModel(blobs, plan);
  await writeModel(root, plan);
  const weightMap = Object.fromEntries(plan.map((tensor) => [tensor.name, 'shard.safetensors']));
  await writeFile(join(model, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));
  await symlink(join('..', '..', 'blobs', 'model.safetensors'), join(model, 'shard.safetensors'));
  assert.equal((await openCheckpoint(model)).names.length, 3);
  await rm(join(model, 'shard.safetensors'));
  await symlink(join(root, 'model.safetensors'), join(model, 'shard.safetensors'));
  await assert.rejects(openCheckpoint(model), /is a link to .*outside the model directory/);
});

test('a missing shard, a misplaced tensor and a tensor in two shards are named', async (t) => {
  const path = await directory(t);
  await writeModel(path, plan, 12);
  const index = join(path, 'model.safetensors.index.json');
  const good = await readFile(index, 'utf8');
  await writeFile(index, good.replace('model-00002-of-00003', 'model-00009-of-00003'));
  await assert.rejects(openCheckpoint(path), /model-00009-of-00003\.safetensors .*is missing/);
  await writeFile(index, good.replace('"c.scale": "model-00003', '"c.scale": "model-00001'));
  await assert.rejects(openCheckpoint(path), (error) => error instanceof EngineError && error.tensor === 'c.scale');
  await writeFile(index, JSON.stringify({ weight_map: { 'a.weight': 'model-00001-of-00003.safetensors', 'b.codes': 'copy.safetensors' } }));
  await writeFile(join(path, 'copy.safetensors'), await readFile(join(path, 'model-00001-of-00003.safetensors')));
  await assert.rejects(openCheckpoint(path), /a\.weight is in two files|which .* places in/);
});

test('a truncated file is refused with its tensor', async (t) => {
  const path = await directory(t);
  await writeModel(path, plan);
  const file = join(path, 'model.safetensors');
  await truncate(file, (await stat(file)).size - 1);
  await assert.rejects(openCheckpoint(path), (error) => error instanceof EngineError && error.tensor === 'b.codes' && error.message.includes('truncated'));
});

test('pickled checkpoints are refused with the reason and what to do', async (t) => {
  const path = await directory(t);
  await writeFile(join(path, 'pytorch_model.bin'), 'pickle');
  await assert.rejects(openCheckpoint(path), /runs whatever code it holds.*safe_serialization/s);
  await assert.rejects(openCheckpoint(join(path, 'pytorch_model.bin')), /pickled/);
});

test('a directory without weights and a path that does not exist are input errors', async (t) => {
  const path = await directory(t);
  await assert.rejects(openCheckpoint(path), (error) => error instanceof EngineError && error.kind === 'input');
  await assert.rejects(openCheckpoint(join(path, 'none')), (error) => error instanceof EngineError && error.kind === 'input');
});
