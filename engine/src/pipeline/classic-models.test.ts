// GPT-2, OPT and GPT-NeoX through the pipeline: tiny models of random weights are quantized, read back and run; and their blocks run one by one, with
// observers, as calibration runs them.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { modelShapeFromConfig } from '@quantwright/schemas/checkpoint/shape-from-config';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { readJsonObject } from '../checkpoint/json-file.ts';
import { mapCheckpoint } from '../checkpoint/mapped.ts';
import { readQuantization } from '../checkpoint/quantized/config.ts';
import { readLinear } from '../checkpoint/quantized/linear.ts';
import { createCheckpoint } from '../checkpoint/sharded-writer.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { parseModelConfig } from '../model/config.ts';
import { buildBlock } from '../model/decoder.ts';
import { loadModel } from '../model/load.ts';
import { inputOf, observeSlot } from '../model/observations.ts';
import { checkpointWeights } from '../model/weights.ts';
import { quantizeModel } from './quantize.ts';

const binding = await loadBinding();
const [hidden, inner, layers, heads, vocabulary, positions] = [64, 96, 2, 4, 90, 48];

interface Classic {
  readonly config: Readonly<Record<string, unknown>>;
  readonly embeddings: Readonly<Record<string, readonly [number, number]>>;
  readonly norms: readonly string[];
  readonly finalNorm: string;
  readonly head: string;
  readonly positions: { readonly name: string; readonly offset: number } | null;
  readonly transposed: boolean;
}

const models: Readonly<Record<string, Classic>> = {
  GPT2LMHeadModel: {
    config: { model_type: 'gpt2', n_embd: hidden, n_inner: inner, n_layer: layers, n_head: heads, n_positions: positions },
    embeddings: { 'transformer.wte': [vocabulary, hidden], 'transformer.wpe': [positions, hidden] },
    norms: ['ln_1', 'ln_2'],
    finalNorm: 'transformer.ln_f',
    head: 'transformer.wte',
    positions: { name: 'transformer.wpe', offset: 0 },
    transposed: true,
  },
  OPTForCausalLM: {
    config: {
      model_type: 'opt',
      hidden_size: hidden,
      ffn_dim: inner,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      max_position_embeddings: positions,
    },
    embeddings: { 'model.decoder.embed_tokens': [vocabulary, hidden], 'model.decoder.embed_positions': [positions + 2, hidden] },
    norms: ['self_attn_layer_norm', 'final_layer_norm'],
    finalNorm: 'model.decoder.final_layer_norm',
    head: 'model.decoder.embed_tokens',
    positions: { name: 'model.decoder.embed_positions', offset: 2 },
    transposed: false,
  },
  GPTNeoXForCausalLM: {
    config: {
      model_type: 'gpt_neox',
      hidden_size: hidden,
      intermediate_size: inner,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      max_position_embeddings: positions,
    },
    embeddings: { 'gpt_neox.embed_in': [vocabulary, hidden], embed_out: [vocabulary, hidden] },
    norms: ['input_layernorm', 'post_attention_layernorm'],
    finalNorm: 'gpt_neox.final_layer_norm',
    head: 'embed_out',
    positions: null,
    transposed: false,
  },
};

const ids = Int32Array.from({ length: 20 }, (_, index) => (index * 17 + 3) % vocabulary);

for (const [name, classic] of Object.entries(models)) {
  for (const config of [
    { quant_method: 'rtn', weight_format: 'uint8', group_size: 32, save_format: 'gptq' },
    { quant_method: 'rtn', weight_format: 'int8', group_size: -1, save_format: 'compressed-tensors' },
    {
      quant_method: 'instant_quant',
      weight_format: 'uint4',
      group_size: 32,
      compute_method: 'weight_only',
      save_format: 'quantwright',
      ignore: ['.*(c_fc|fc1|h_to_4h)'],
    },
  ]) {
    test(`${name}: what ${config.quant_method} stores as ${config.save_format} is its rounded matrices, and runs`, async (t) => {
      const { directory, tensors } = await madeModel(t, name, classic);
      const configPath = join(directory, 'a.quant.json');
      await writeFile(configPath, JSON.stringify(config));
      const outDir = `${directory}-out`;
      t.after(() => rm(outDir, { recursive: true, force: true }));
      const result = await quantizeModel({ modelDir: directory, configPath, outDir }, { loadBinding: async () => binding });
      const written = mapCheckpoint(await openCheckpoint(outDir), binding);
      const quantization = await readQuantization(outDir, await readJsonObject(join(outDir, 'config.json'), 1e6));
      for (const { module, kind, in: cols, out: rows, firstLayer } of linearsOf(classic)) {
        const path = module.replace('{i}', String(firstLayer));
        if (!result.modules.some((row) => row.module === path)) {
          assert.equal(kind, 'up_proj', `${path} is quantized`);
          assert.deepEqual(written.checkpoint.info(`${path}.weight`).shape, classic.transposed ? [cols, rows] : [rows, cols], 'left as it is stored');
          continue;
        }
        const stored = await readLinear(written, { module: path, rows, cols }, quantization, binding);
        const got = await (await binding.createWeight(stored.spec)).dequantize();
        const original = tensors.get(`${path}.weight`) ?? assert.fail();
        let worst = 0;
        for (let row = 0; row < rows; row += 1)
          for (let col = 0; col < cols; col += 1) {
            const wanted = original.values[classic.transposed ? col * rows + row : row * cols + col] ?? Number.NaN;
            worst = Math.max(worst, Math.abs((got[row * cols + col] ?? Number.NaN) - wanted));
          }
        // Half a step of the largest possible range of a group, and the rounding of scale and zero.
        const step = (2 * largest(original.values)) / (config.weight_format === 'uint4' ? 15 : 255);
        assert.ok(worst < 0.6 * step, `${path}: ${worst} with steps up to ${step}`);
      }
      written.close();
      const [model, dense] = [await loadModel(outDir, { binding }), await loadModel(directory, { binding })];
      const error = relativeError(await logitsOf(model, ids), await logitsOf(dense, ids));
      t.diagnostic(`relative error of the logits ${error.toExponential(2)}`);
      assert.ok(error < (config.weight_format === 'uint4' ? 0.25 : 0.02), String(error));
    });
  }

  test(`${name}: its blocks, run one after the other, make up the model, and observe the inputs of their linears`, async (t) => {
    const { directory, tensors } = await madeModel(t, name, classic);
    const config = parseModelConfig(await readJsonObject(join(directory, 'config.json'), 1e6), 'config.json');
    const mapped = mapCheckpoint(await openCheckpoint(directory), binding);
    const weights = checkpointWeights(mapped, null, binding);
    let state = embedded(classic, tensors);
    for (let layer = 0; layer < layers; layer += 1) {
      const program = binding.createProgram(await buildBlock(config, weights, layer, ['absmax', 'hessian', 'capture']));
      const session = program.createSession(ids.length, 'f32');
      const before = state;
      state = await program.run(session, state, 'all');
      for (const { kind, in: cols } of linearsOf(classic)) {
        if (kind === 'lm_head') continue;
        const seen = program.observed(observeSlot(inputOf(kind), 'capture')) ?? assert.fail(`${kind} was not observed`);
        assert.equal(seen.length, ids.length * cols);
        assert.equal(largest(program.observed(observeSlot(inputOf(kind), 'absmax')) ?? []), largest(seen));
        const hessian = program.observed(observeSlot(inputOf(kind), 'hessian')) ?? [];
        const gram = Float64Array.from({ length: cols * cols }, (_, at) =>
          sum(ids.length, (row) => (seen[row * cols + Math.floor(at / cols)] ?? 0) * (seen[row * cols + (at % cols)] ?? 0)),
        );
        assert.ok(relativeError(hessian, gram) < 1e-5);
      }
      const attention = program.observed(observeSlot('attention', 'capture')) ?? [];
      const prefix = linearsOf(classic)[0]?.module.split('.{i}.')[0];
      assert.ok(relativeError(attention, normed(tensors, `${prefix}.${layer}.${classic.norms[0]}`, before)) < 1e-5, 'attention reads the normed state');
    }
    const last = normed(tensors, classic.finalNorm, state);
    const head = tensors.get(`${classic.head}.weight`)?.values ?? assert.fail();
    const logits = Float64Array.from({ length: ids.length * vocabulary }, (_, at) =>
      sum(hidden, (col) => (last[Math.floor(at / vocabulary) * hidden + col] ?? 0) * (head[(at % vocabulary) * hidden + col] ?? 0)),
    );
    const error = relativeError(await logitsOf(await loadModel(directory, { binding }), ids), logits);
    assert.ok(error < 1e-5, `the blocks give other logits than the model: ${error}`);
    mapped.close();
  });
}

interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

function linearsOf({ config }: Classic) {
  const shape = modelShapeFromConfig({ ...config, vocab_size: vocabulary });
  if (!('linears' in shape)) throw new Error(shape.reason);
  return shape.linears.filter(({ kind }) => kind !== 'lm_head');
}

async function madeModel(
  t: TestContext,
  name: string,
  classic: Classic,
): Promise<{ readonly directory: string; readonly tensors: ReadonlyMap<string, Tensor> }> {
  const shapes = new Map<string, readonly number[]>(Object.entries(classic.embeddings).map(([module, shape]) => [`${module}.weight`, shape]));
  const norm = (module: string): void => {
    for (const kind of ['weight', 'bias']) shapes.set(`${module}.${kind}`, [hidden]);
  };
  norm(classic.finalNorm);
  for (let layer = 0; layer < layers; layer += 1) {
    for (const { module, in: cols, out: rows } of linearsOf(classic)) {
      const path = module.replace('{i}', String(layer));
      shapes.set(`${path}.weight`, classic.transposed ? [cols, rows] : [rows, cols]).set(`${path}.bias`, [rows]);
    }
    const prefix = linearsOf(classic)[0]?.module.split('.{i}.')[0];
    for (const one of classic.norms) norm(`${prefix}.${layer}.${one}`);
  }
  const tensors = new Map([...shapes].map(([tensor, shape]): [string, Tensor] => [tensor, { shape, values: seeded(tensor, shape) }]));
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-classic-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'config.json'), JSON.stringify({ ...classic.config, vocab_size: vocabulary, architectures: [name] }));
  const writer = await createCheckpoint(
    directory,
    [...tensors].map(([tensor, { shape }]) => ({ name: tensor, dtype: 'F32' as const, shape })),
    {},
  );
  for (const [tensor, { values }] of tensors) await writer.write(tensor, values);
  await writer.finish();
  return { directory, tensors };
}

/** Norm weights lie around 1, biases and positions are small. Seeded by the name. */
function seeded(name: string, shape: readonly number[]): Float32Array {
  let state = [...name].reduce((hash, character) => Math.imul(hash, 31) + character.charCodeAt(0), 7) >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const norm = shape.length === 1 && name.endsWith('weight');
  const spread = shape.length === 1 ? 0.3 : 1.7 / Math.sqrt(hidden);
  return Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => (norm ? 1 : 0) + spread * next());
}

function embedded({ embeddings, positions: learned }: Classic, tensors: ReadonlyMap<string, Tensor>): Float32Array {
  const table = tensors.get(`${Object.keys(embeddings)[0]}.weight`)?.values ?? assert.fail();
  const added = learned === null ? null : (tensors.get(`${learned.name}.weight`)?.values ?? assert.fail());
  return Float32Array.from({ length: ids.length * hidden }, (_, at) => {
    const [row, col] = [Math.floor(at / hidden), at % hidden];
    return (table[(ids[row] ?? 0) * hidden + col] ?? 0) + (added?.[(row + (learned?.offset ?? 0)) * hidden + col] ?? 0);
  });
}

function normed(tensors: ReadonlyMap<string, Tensor>, module: string, state: Float32Array): Float64Array {
  const [weight, bias] = ['weight', 'bias'].map((kind) => tensors.get(`${module}.${kind}`)?.values ?? assert.fail(module));
  return Float64Array.from(state, (x, at) => {
    const row = state.subarray(at - (at % hidden), at - (at % hidden) + hidden);
    const mean = row.reduce((total, value) => total + value, 0) / hidden;
    const variance = row.reduce((total, value) => total + (value - mean) ** 2, 0) / hidden;
    return ((x - mean) / Math.sqrt(variance + 1e-5)) * (weight?.[at % hidden] ?? 0) + (bias?.[at % hidden] ?? 0);
  });
}

function sum(count: number, term: (index: number) => number): number {
  let total = 0;
  for (let index = 0; index < count; index += 1) total += term(index);
  return total;
}

function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let index = 0; index < values.length; index += 1) most = Math.max(most, Math.abs(values[index] ?? Number.NaN));
  return most;
}

function relativeError(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  assert.equal(got.length, wanted.length);
  const difference = sum(got.length, (index) => ((got[index] ?? Number.NaN) - (wanted[index] ?? 0)) ** 2);
  return Math.sqrt(difference / sum(got.length, (index) => (wanted[index] ?? 0) ** 2));
}
