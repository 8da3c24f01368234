// What lies beside a config, from real directories: texts, headers, damage, links, and that nothing is read twice.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createModelFilesCache, readModelFiles } from './model-files.ts';

function within(run: (directory: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), 'model-files-'));
    try {
      await run(directory);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  };
}

/** `shapes`: tensor name -> dtype and shape; the data is zeros. */
function safetensors(shapes: Readonly<Record<string, readonly [string, readonly number[]]>>): Buffer {
  let end = 0;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  for (const [name, [dtype, shape]] of Object.entries(shapes)) {
    const bytes = shape.reduce((product, size) => product * size, dtype === 'I32' ? 4 : 2);
    header[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    end += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([prefix, json, Buffer.alloc(end)]);
}

const packed = safetensors({ 'model.layers.0.mlp.up_proj.qweight': ['I32', [8, 4]], 'model.layers.0.mlp.up_proj.scales': ['F16', [1, 4]] });

test(
  'texts and tensors are read, but never the config itself',
  within(async (directory) => {
    writeFileSync(join(directory, 'config.json'), '{"model_type":"llama"}');
    writeFileSync(join(directory, 'quantize_config.json'), '{"bits":4}');
    writeFileSync(join(directory, 'notes.json'), '{}');
    writeFileSync(join(directory, 'model.safetensors'), packed);
    const { texts, tensors } = await readModelFiles(directory, 'config.json', createModelFilesCache());
    assert.deepEqual([...texts], [['quantize_config.json', '{"bits":4}']]);
    assert.deepEqual(tensors?.tensors.get('model.layers.0.mlp.up_proj.qweight')?.shape, [8, 4]);
    assert.deepEqual(tensors?.modules, ['model.layers.0.mlp.up_proj']);
    assert.deepEqual(tensors?.problems, []);
  }),
);

test(
  'without a change the same value comes back, after one only what changed is read',
  within(async (directory) => {
    const cache = createModelFilesCache();
    writeFileSync(join(directory, 'config.json'), '{}');
    writeFileSync(join(directory, 'model.safetensors'), packed);
    const first = await readModelFiles(directory, 'a.quant.json', cache);
    assert.equal(await readModelFiles(directory, 'a.quant.json', cache), first);
    writeFileSync(join(directory, 'config.json'), '{"a":1}');
    const second = await readModelFiles(directory, 'a.quant.json', cache);
    assert.equal(second.texts.get('config.json'), '{"a":1}');
    assert.equal(second.tensors, first.tensors);
    writeFileSync(join(directory, 'model.safetensors'), safetensors({ 'lm_head.weight': ['BF16', [2, 2]] }));
    utimesSync(join(directory, 'model.safetensors'), 1, 1);
    assert.deepEqual((await readModelFiles(directory, 'a.quant.json', cache)).tensors?.modules, ['lm_head']);
  }),
);

test(
  'a shard that is missing or damaged is said in words, the others are there',
  within(async (directory) => {
    const map = { 'a.weight': 'model-1.safetensors', 'b.weight': 'model-2.safetensors', 'c.weight': 'model-3.safetensors' };
    writeFileSync(join(directory, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    writeFileSync(join(directory, 'model-1.safetensors'), safetensors({ 'a.weight': ['BF16', [2, 2]] }));
    writeFileSync(join(directory, 'model-2.safetensors'), 'version https://git-lfs.github.com/spec/v1');
    const { tensors } = await readModelFiles(directory, 'config.json', createModelFilesCache());
    assert.deepEqual(
      ['a.weight', 'b.weight', 'c.weight'].map((name) => tensors?.tensors.get(name)?.dtype ?? null),
      ['BF16', null, null],
    );
    assert.match(tensors?.problems.join('\n') ?? '', /1 of 3 files .* \(model-3\.safetensors/);
    assert.match(tensors?.problems.join('\n') ?? '', /model-2\.safetensors: the header length at offset 0/);
  }),
);

test(
  'names and links cannot leave the directory; a download cache is one place',
  within(async (root) => {
    const outside = join(root, 'outside.safetensors');
    writeFileSync(outside, packed);
    const model = join(root, 'models--x', 'snapshots', 'r1');
    mkdirSync(model, { recursive: true });
    mkdirSync(join(root, 'models--x', 'blobs'));
    writeFileSync(join(root, 'models--x', 'blobs', 'abc'), packed);
    symlinkSync('../../blobs/abc', join(model, 'model-1.safetensors'));
    symlinkSync(outside, join(model, 'model-2.safetensors'));
    const map = { a: 'model-1.safetensors', b: 'model-2.safetensors', c: '../../../outside.safetensors' };
    writeFileSync(join(model, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    const { tensors } = await readModelFiles(model, 'config.json', createModelFilesCache());
    assert.deepEqual(tensors?.modules, ['model.layers.0.mlp.up_proj']);
    assert.equal(tensors?.tensors.get('b'), null);
    assert.equal(tensors?.tensors.has('c'), false);
    assert.match(tensors?.problems.join('\n') ?? '', /the shard of c must be the name of a safetensors file/);
    assert.match(tensors?.problems.join('\n') ?? '', /model-2\.safetensors: a link out of the model directory/);
  }),
);

test(
  'files under other names are read, adapters are not, and nothing is nothing',
  within(async (directory) => {
    assert.deepEqual(await readModelFiles(directory, 'config.json', createModelFilesCache()), { texts: new Map(), tensors: null });
    assert.equal((await readModelFiles(join(directory, 'none'), 'config.json', createModelFilesCache())).tensors, null);
    writeFileSync(join(directory, 'adapter_model.safetensors'), safetensors({ 'x.weight': ['BF16', [2, 2]] }));
    writeFileSync(join(directory, 'gptq_model-4bit-128g.safetensors'), packed);
    const { tensors } = await readModelFiles(directory, 'config.json', createModelFilesCache());
    assert.deepEqual(tensors?.modules, ['model.layers.0.mlp.up_proj']);
  }),
);
