// Test support: a small model with packed weights of two codecs, written into a folder of its own.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createCheckpoint } from '../../checkpoint/sharded-writer.ts';
import type { TensorPlan } from '../../checkpoint/writer.ts';

const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 32,
  max_position_embeddings: 32,
  tie_word_embeddings: true,
  quantization_config: {
    quant_method: 'quantwright',
    version: 1,
    methods: ['rtn'],
    bits: 4,
    group_size: 32,
    signed: false,
    compute_method: 'weight_only',
    modules: Object.fromEntries(
      [0, 1].map((layer) => [`model.layers.${layer}.mlp.up_proj`, { bits: 8, group_size: -1, signed: true, compute_method: 'activate_quant' }]),
    ),
  },
};
const linears: readonly (readonly [module: string, rows: number, cols: number])[] = [
  ['self_attn.q_proj', 64, 64],
  ['self_attn.k_proj', 32, 64],
  ['self_attn.v_proj', 32, 64],
  ['self_attn.o_proj', 64, 64],
  ['mlp.gate_proj', 96, 64],
  ['mlp.up_proj', 96, 64],
  ['mlp.down_proj', 64, 96],
];

/** Removed after the test. Equal seeds give equal files. */
export async function packedModel(t: TestContext, seed = 1): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-packed-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  const plan: TensorPlan[] = ['model.embed_tokens', 'model.norm'].map((name) => ({
    name: `${name}.weight`,
    dtype: 'F32',
    shape: name === 'model.norm' ? [64] : [32, 64],
  }));
  for (const layer of [0, 1]) {
    const prefix = `model.layers.${layer}`;
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) plan.push({ name: `${prefix}.${norm}.weight`, dtype: 'F32', shape: [64] });
    for (const [module, rows, cols] of linears) plan.push(...tensorsOf(`${prefix}.${module}`, rows, cols));
  }
  const writer = await createCheckpoint(directory, plan);
  for (const { name, dtype, shape } of plan) {
    const count = shape.reduce((product, size) => product * size, 1);
    if (name.endsWith('weight_shape')) await writer.write(name, BigInt64Array.from(shapeOf(name), BigInt));
    else if (dtype === 'F32')
      await writer.write(
        name,
        Float32Array.from({ length: count }, (_, index) => floatOf(name, index, seed)),
      );
    else if (dtype === 'I8')
      await writer.write(
        name,
        Int8Array.from({ length: count }, (_, index) => ((index * 37 + seed) % 255) - 127),
      );
    else
      await writer.write(
        name,
        Int32Array.from({ length: count }, (_, index) => Math.imul(index + seed, 0x9e3779b1)),
      );
  }
  await writer.finish();
  return directory;
}

function tensorsOf(module: string, rows: number, cols: number): TensorPlan[] {
  if (module.endsWith('up_proj'))
    return [
      { name: `${module}.weight`, dtype: 'I8', shape: [rows, cols] },
      { name: `${module}.weight_scale`, dtype: 'F32', shape: [rows, 1] },
      { name: `${module}.weight_zero_point`, dtype: 'F32', shape: [rows, 1] },
    ];
  return [
    { name: `${module}.qweight`, dtype: 'I32', shape: [cols / 8, rows] },
    { name: `${module}.scales`, dtype: 'F32', shape: [cols / 32, rows] },
    { name: `${module}.zeros`, dtype: 'F32', shape: [cols / 32, rows] },
    { name: `${module}.weight_shape`, dtype: 'I64', shape: [2] },
  ];
}

function shapeOf(name: string): readonly number[] {
  const linear = linears.find(([module]) => name.includes(module));
  return linear === undefined ? [] : [linear[1], linear[2]];
}

function floatOf(name: string, index: number, seed: number): number {
  if (name.includes('scale')) return 0.01 + (index % 7) / 1000;
  if (name.includes('zero')) return name.includes('zero_point') ? 0 : 7.5;
  return Math.sin(index * 1.7 + name.length + seed);
}
