import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createCheckpoint } from '../checkpoint/sharded-writer.ts';
import type { TensorPlan } from '../checkpoint/writer.ts';
import { EngineError } from '../errors.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from './load.ts';

const binding = await loadBinding();
const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 16,
  max_position_embeddings: 32,
  tie_word_embeddings: true,
};
const block = 'model.layers.0';
const shapes: Readonly<Record<string, readonly number[]>> = {
  'model.embed_tokens.weight': [16, 8],
  [`${block}.input_layernorm.weight`]: [8],
  [`${block}.self_attn.q_proj.weight`]: [8, 8],
  [`${block}.self_attn.k_proj.weight`]: [4, 8],
  [`${block}.self_attn.v_proj.weight`]: [4, 8],
  [`${block}.self_attn.o_proj.weight`]: [8, 8],
  [`${block}.post_attention_layernorm.weight`]: [8],
  [`${block}.mlp.gate_proj.weight`]: [12, 8],
  [`${block}.mlp.up_proj.weight`]: [12, 8],
  [`${block}.mlp.down_proj.weight`]: [8, 12],
  'model.norm.weight': [8],
};

interface Change {
  readonly config?: object;
  readonly shapes?: Readonly<Record<string, readonly number[] | null>>;
  readonly maxShardBytes?: number;
}

async function modelDirectory(t: TestContext, change: Change = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-model-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'config.json'), JSON.stringify({ ...config, ...change.config }));
  const plan: TensorPlan[] = Object.entries({ ...shapes, ...change.shapes }).flatMap(([name, shape]) =>
    shape === null ? [] : [{ name, dtype: 'F32', shape }],
  );
  const writer = await createCheckpoint(directory, plan, change.maxShardBytes === undefined ? {} : { maxShardBytes: change.maxShardBytes });
  for (const { name, shape } of plan) {
    const count = shape.reduce((product, size) => product * size, 1);
    await writer.write(
      name,
      Float32Array.from({ length: count }, (_, index) => Math.sin(index * 1.7 + name.length)),
    );
  }
  await writer.finish();
  return directory;
}

const failsWith = (tensor: string, words: RegExp) => (error: unknown) =>
  error instanceof EngineError && error.kind === 'checkpoint' && error.tensor === tensor && words.test(error.message);

test('a model in shards gives the logits of the same model in one file', async (t) => {
  const ids = Int32Array.of(3, 1, 4, 1, 5, 9);
  const whole = await loadModel(await modelDirectory(t), { binding });
  const sharded = await loadModel(await modelDirectory(t, { maxShardBytes: 300 }), { binding });
  const logits = await logitsOf(whole, ids);
  assert.equal(logits.length, ids.length * 16);
  assert.ok(logits.every(Number.isFinite));
  assert.deepEqual(await logitsOf(sharded, ids), logits);
});

test('progress names every weight and ends at their number', async (t) => {
  const seen: string[] = [];
  let of = 0;
  await loadModel(await modelDirectory(t), {
    binding,
    onProgress: (progress) => {
      seen.push(progress.tensor);
      of = progress.of;
    },
  });
  assert.equal(seen.length, of);
  assert.ok(seen.includes(`${block}.mlp.down_proj`));
});

test('an aborted load rejects with the reason', async (t) => {
  const directory = await modelDirectory(t);
  await assert.rejects(loadModel(directory, { binding, signal: AbortSignal.abort(new Error('enough')) }), /enough/);
});

test('a missing tensor, a wrong shape and a missing bias are named', async (t) => {
  const missing = await modelDirectory(t, { shapes: { [`${block}.mlp.up_proj.weight`]: null } });
  await assert.rejects(loadModel(missing, { binding }), failsWith(`${block}.mlp.up_proj.weight`, /has no weight/));
  const wrong = await modelDirectory(t, { shapes: { [`${block}.mlp.up_proj.weight`]: [12, 9] } });
  await assert.rejects(loadModel(wrong, { binding }), failsWith(`${block}.mlp.up_proj.weight`, /\[12, 9\]; \[12, 8\] is needed/));
  const norm = await modelDirectory(t, { shapes: { 'model.norm.weight': [7] } });
  await assert.rejects(loadModel(norm, { binding }), failsWith('model.norm.weight', /\[7\]; \[8\] is needed/));
  const bias = await modelDirectory(t, { config: { attention_bias: true } });
  await assert.rejects(loadModel(bias, { binding }), failsWith(`${block}.self_attn.q_proj.bias`, /has no bias/));
  const head = await modelDirectory(t, { config: { tie_word_embeddings: false } });
  await assert.rejects(loadModel(head, { binding }), failsWith('lm_head.weight', /has no weight/));
});

test('a bias that the checkpoint holds is used', async (t) => {
  const ids = Int32Array.of(1, 2);
  const plain = await logitsOf(await loadModel(await modelDirectory(t), { binding }), ids);
  const biased = await logitsOf(await loadModel(await modelDirectory(t, { shapes: { [`${block}.mlp.down_proj.bias`]: [8] } }), { binding }), ids);
  assert.notDeepEqual(biased, plain);
});

test('quantized tensors without a quantization config are refused', async (t) => {
  const directory = await modelDirectory(t, { shapes: { [`${block}.mlp.up_proj.weight`]: null, [`${block}.mlp.up_proj.qweight`]: [1, 12] } });
  await assert.rejects(loadModel(directory, { binding }), failsWith(`${block}.mlp.up_proj`, /no quantization_config/));
});

test('a model directory without config.json is an input error', async (t) => {
  const directory = await modelDirectory(t);
  await rm(join(directory, 'config.json'));
  await assert.rejects(
    loadModel(directory, { binding }),
    (error) => error instanceof EngineError && error.kind === 'input' && /config\.json/.test(error.message),
  );
});

test('an unloaded model says so instead of crashing', async (t) => {
  const model = await loadModel(await modelDirectory(t), { binding });
  model.dispose();
  assert.throws(() => model.createSession(4), /was unloaded/);
});
