// save_format gguf: one file and nothing else, with the weights of the same job in another layout.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCheckpoint } from '../checkpoint/sharded-writer.ts';
import type { TensorPlan } from '../checkpoint/writer.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { integers, tinyLlama } from '../repack/testing/quantized-model.ts';
import { quantizeModel } from './quantize.ts';

const binding = await loadBinding();

test('a job that is saved as gguf gives one file with the weights that the gptq layout has', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-save-gguf-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const modelDir = join(directory, 'model');
  await import('node:fs/promises').then(({ mkdir }) => mkdir(modelDir));
  await writeModel(modelDir);
  const run = async (format: string): Promise<Awaited<ReturnType<typeof quantizeModel>>> => {
    const configPath = join(directory, `${format}.quant.json`);
    await writeFile(configPath, JSON.stringify({ quant_method: 'rtn', weight_format: 'int4', group_size: 32, save_format: format }));
    return quantizeModel({ modelDir, configPath, outDir: join(directory, format) }, { loadBinding: async () => binding });
  };
  await run('gptq');
  const result = await run('gguf');
  assert.deepEqual((await readdir(join(directory, 'gguf'))).sort(), ['LICENSE', 'model.gguf']);
  assert.equal(result.bitsPerWeight, 4.5);
  assert.ok(result.modules.every(({ codec }) => codec === 'Q4_0'));
  const ids = Int32Array.from({ length: 8 }, (_, index) => (index * 17 + 3) % 64);
  const wanted = await logitsOf(await loadModel(join(directory, 'gptq'), { binding }), ids);
  assert.deepEqual(await logitsOf(await loadModel(join(directory, 'gguf', 'model.gguf'), { binding }), ids), wanted);
});

async function writeModel(directory: string): Promise<void> {
  const shapes: Record<string, readonly number[]> = { 'model.embed_tokens.weight': [64, 64], 'model.norm.weight': [64] };
  for (const block of [0, 1]) {
    const layer = `model.layers.${block}`;
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) shapes[`${layer}.${norm}.weight`] = [64];
    for (const [name, shape] of Object.entries({ q: [64, 64], k: [32, 64], v: [32, 64], o: [64, 64] }))
      shapes[`${layer}.self_attn.${name}_proj.weight`] = shape;
    for (const [name, shape] of Object.entries({ gate: [96, 64], up: [96, 64], down: [64, 96] })) shapes[`${layer}.mlp.${name}_proj.weight`] = shape;
  }
  const next = integers(11);
  const tensors: TensorPlan[] = Object.entries(shapes).map(([name, shape]) => ({ name, dtype: 'F32', shape }));
  const writer = await createCheckpoint(directory, tensors);
  for (const { name, shape } of tensors) {
    const length = shape.reduce((product, side) => product * side, 1);
    await writer.write(
      name,
      Float32Array.from({ length }, () => (next(2001) - 1000) / 4000),
    );
  }
  await writer.finish();
  await writeFile(join(directory, 'config.json'), JSON.stringify(tinyLlama));
  await writeFile(join(directory, 'LICENSE'), 'terms');
}
