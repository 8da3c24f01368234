// Programs of decoder-only models: the whole model for tokens, and one block for calibration, from one description of a block.
//   h += o(attention(rope(q(n)), rope(k(n)), v(n))), n = rmsnorm(h);   h += down(silu(gate(m)) * up(m)), m = rmsnorm(h)
// What an architecture varies of it (norms of q and k, norms behind the parts, other activations, caps) is in its traits.
import type { Op, ProgramSpec, Weight } from '@quantwright/native/binding';
import { buildClassicBlock, buildClassicModel, classicEmbedding, classicFinalNorm } from './classic.ts';
import type { ModelConfig } from './config.ts';
import { type LinearInput, type Observation, observeOp } from './observations.ts';
import { overlapped } from './overlapped.ts';
import { attentionFactor, inverseFrequency, type RopeConfig } from './rope.ts';
import type { Linear, ModelWeights } from './weights.ts';

export { inputOf, type LinearInput, linearInputs, type Observation, observations, observeSlot } from './observations.ts';

/** One is packed while another is read. */
export const layersAtATime = 2;

/** Token ids -> logits [vocabulary]. */
export async function buildModel(config: ModelConfig, weights: ModelWeights): Promise<ProgramSpec> {
  if (config.classic !== null) return buildClassicModel(config, config.classic, weights);
  const { hiddenSize, vocabSize, layers, tiedEmbeddings } = config.shape;
  const { table, body } = await embedding(config, weights);
  body.push(...(await overlapped(layers, layersAtATime, (layer) => block(config, weights, layer, layer, []))).flat());
  const norm = await finalNorm(config, weights);
  const head: Linear = tiedEmbeddings ? { weight: table } : await weights.linear('lm_head', vocabSize, hiddenSize, false);
  const widths = [...blockWidths(config), vocabSize];
  const logits = widths.length - 1;
  return {
    input: 'tokens',
    values: widths,
    body,
    head: [
      norm,
      { op: 'linear', in: value.normed, out: logits, ...head },
      ...(config.finalSoftcap === null ? [] : [{ op: 'activate', kind: 'softcap', in: logits, out: logits, number: config.finalSoftcap } as const]),
    ],
    output: logits,
  };
}

/** Token ids -> hidden states [hidden] before the first block. */
export async function buildEmbedding(config: ModelConfig, weights: ModelWeights): Promise<ProgramSpec> {
  const { body } = await (config.classic === null ? embedding(config, weights) : classicEmbedding(config, config.classic, weights));
  return { input: 'tokens', values: [config.shape.hiddenSize], body, head: [], output: value.hidden };
}

/** Hidden states [hidden] after the last block -> what the output matrix reads. */
export async function buildFinalNorm(config: ModelConfig, weights: ModelWeights): Promise<ProgramSpec> {
  const { hiddenSize } = config.shape;
  const norm = await (config.classic === null ? finalNorm(config, weights) : classicFinalNorm(config, config.classic, weights));
  return { input: 'hidden', values: [hiddenSize, hiddenSize], body: [norm], head: [], output: value.normed };
}

/** Hidden states [hidden] after the last block -> logits [vocabulary]. */
export async function buildHead(config: ModelConfig, weights: ModelWeights): Promise<ProgramSpec> {
  const { hiddenSize, vocabSize, tiedEmbeddings } = config.shape;
  const norm = await buildFinalNorm(config, weights);
  const table = config.classic?.embedding ?? 'model.embed_tokens.weight';
  const head: Linear = tiedEmbeddings
    ? { weight: await weights.embedding(table, vocabSize, hiddenSize) }
    : await weights.linear(config.classic?.head ?? 'lm_head', vocabSize, hiddenSize, false);
  const logits = norm.values.length;
  return {
    ...norm,
    values: [...norm.values, vocabSize],
    body: [
      ...norm.body,
      { op: 'linear', in: norm.output, out: logits, ...head },
      ...(config.finalSoftcap === null ? [] : [{ op: 'activate', kind: 'softcap', in: logits, out: logits, number: config.finalSoftcap } as const]),
    ],
    output: logits,
  };
}

async function finalNorm(config: ModelConfig, weights: ModelWeights): Promise<Op> {
  const weight = await normWeight(config, weights, 'model.norm', config.shape.hiddenSize);
  return { op: 'rmsnorm', in: value.hidden, out: value.normed, weight, eps: config.rmsNormEps };
}

async function embedding(config: ModelConfig, weights: ModelWeights): Promise<{ readonly table: Weight; readonly body: Op[] }> {
  const table = await weights.embedding('model.embed_tokens.weight', config.shape.vocabSize, config.shape.hiddenSize);
  const body: Op[] = [{ op: 'embed', table, out: value.hidden }];
  if (config.embedScale !== null) body.push({ op: 'activate', kind: 'scale', in: value.hidden, out: value.hidden, number: config.embedScale });
  return { table, body };
}

/** Hidden states [hidden] before block `layer` -> after it. Its session holds the cache of this one block. */
export async function buildBlock(config: ModelConfig, weights: ModelWeights, layer: number, observe: readonly Observation[] = []): Promise<ProgramSpec> {
  if (config.classic !== null) return buildClassicBlock(config, config.classic, weights, layer, observe);
  return { input: 'hidden', values: blockWidths(config), body: await block(config, weights, layer, 0, observe), head: [], output: value.hidden };
}

/** Value ids of a block; every block uses the same, so the plan keeps one buffer each. */
const value = { hidden: 0, normed: 1, q: 2, k: 3, v: 4, attention: 5, added: 6, gate: 7, up: 8, activated: 9, fused: 10, fusedMlp: 11 } as const;

function blockWidths(config: ModelConfig): number[] {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = config.shape;
  return [
    hiddenSize,
    hiddenSize,
    heads * headDim,
    kvHeads * headDim,
    kvHeads * headDim,
    heads * headDim,
    hiddenSize,
    intermediateSize,
    intermediateSize,
    intermediateSize,
    (heads + 2 * kvHeads) * headDim,
    2 * intermediateSize,
  ];
}

/** One matrix whose output rows are those of several linears, one after the other (Phi-3). */
async function split(
  linear: (input: number, output: number, module: string, rows: number, cols: number, bias: boolean) => Promise<Op>,
  input: number,
  fused: number,
  module: string,
  cols: number,
  parts: readonly (readonly [out: number, rows: number])[],
): Promise<Op[]> {
  let offset = 0;
  const slices = parts.map(([out, rows]): Op => {
    const slice: Op = { op: 'slice', in: fused, out, offset };
    offset += rows;
    return slice;
  });
  return [await linear(input, fused, module, offset, cols, false), ...slices];
}

function ropeOf(config: ModelConfig, layer: number): RopeConfig {
  const rope = config.ropes[layer];
  if (rope === undefined) throw new Error(`the config has no rotation for layer ${layer}`);
  return rope;
}

/** As the kernels take it: the factor itself. */
async function normWeight(config: ModelConfig, weights: ModelWeights, module: string, length: number): Promise<Float32Array> {
  const stored = await weights.vector(`${module}.weight`, length);
  return config.normOffset === 0 ? stored : stored.map((weight) => weight + config.normOffset);
}

/** `layer` names the weights, `cacheLayer` the cache. */
async function block(config: ModelConfig, weights: ModelWeights, layer: number, cacheLayer: number, observe: readonly Observation[]): Promise<Op[]> {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = config.shape;
  const prefix = `model.layers.${layer}`;
  const linear = async (input: number, output: number, module: string, rows: number, cols: number, bias: boolean): Promise<Op> => {
    return { op: 'linear', in: input, out: output, ...(await weights.linear(`${prefix}.${module}`, rows, cols, bias)) };
  };
  const eps = config.rmsNormEps;
  const norm = async (name: string, input: number, output: number): Promise<Op> => {
    return { op: 'rmsnorm', in: input, out: output, weight: await normWeight(config, weights, `${prefix}.${name}`, hiddenSize), eps };
  };
  const headNorm = async (name: string, at: number, count: number): Promise<Op> => {
    return { op: 'rmsnorm', in: at, out: at, weight: await normWeight(config, weights, `${prefix}.self_attn.${name}`, headDim), eps, heads: count };
  };
  const watch = (input: LinearInput, at: number): Op[] => observe.map((kind) => observeOp(input, kind, at));
  const rotation = ropeOf(config, layer);
  const rope = {
    op: 'rope',
    headDim,
    inverseFrequency: inverseFrequency(rotation, rotation.rotatedDim ?? headDim),
    attentionScale: attentionFactor(rotation),
  } as const;
  const window = config.windows[layer] ?? null;
  return [
    await norm('input_layernorm', value.hidden, value.normed),
    ...watch('attention', value.normed),
    ...(config.fused
      ? await split(linear, value.normed, value.fused, 'self_attn.qkv_proj', hiddenSize, [
          [value.q, heads * headDim],
          [value.k, kvHeads * headDim],
          [value.v, kvHeads * headDim],
        ])
      : [
          await linear(value.normed, value.q, 'self_attn.q_proj', heads * headDim, hiddenSize, config.qkvBias),
          await linear(value.normed, value.k, 'self_attn.k_proj', kvHeads * headDim, hiddenSize, config.qkvBias),
          await linear(value.normed, value.v, 'self_attn.v_proj', kvHeads * headDim, hiddenSize, config.qkvBias),
        ]),
    ...(config.qkNorm ? [await headNorm('q_norm', value.q, heads), await headNorm('k_norm', value.k, kvHeads)] : []),
    { ...rope, value: value.q, heads },
    { ...rope, value: value.k, heads: kvHeads },
    {
      op: 'attention',
      q: value.q,
      k: value.k,
      v: value.v,
      out: value.attention,
      layer: cacheLayer,
      heads,
      kvHeads,
      headDim,
      scale: config.attentionScale,
      ...(window === null ? {} : { window }),
      ...(config.attentionSoftcap === null ? {} : { softcap: config.attentionSoftcap }),
    },
    ...watch('o_proj', value.attention),
    await linear(value.attention, value.added, 'self_attn.o_proj', hiddenSize, heads * headDim, config.outputBias),
    ...(config.postNorms ? [await norm('post_attention_layernorm', value.added, value.added)] : []),
    { op: 'add', a: value.hidden, b: value.added, out: value.hidden },
    await norm(config.postNorms ? 'pre_feedforward_layernorm' : 'post_attention_layernorm', value.hidden, value.normed),
    ...watch('mlp', value.normed),
    ...(config.fused
      ? await split(linear, value.normed, value.fusedMlp, 'mlp.gate_up_proj', hiddenSize, [
          [value.gate, intermediateSize],
          [value.up, intermediateSize],
        ])
      : [
          await linear(value.normed, value.gate, 'mlp.gate_proj', intermediateSize, hiddenSize, config.mlpBias),
          await linear(value.normed, value.up, 'mlp.up_proj', intermediateSize, hiddenSize, config.mlpBias),
        ]),
    config.activation === 'silu'
      ? { op: 'silu_mul', gate: value.gate, up: value.up, out: value.activated }
      : { op: 'activate', kind: config.activation, in: value.gate, up: value.up, out: value.activated },
    ...watch('down_proj', value.activated),
    await linear(value.activated, value.added, 'mlp.down_proj', hiddenSize, intermediateSize, config.mlpBias),
    ...(config.postNorms ? [await norm('post_feedforward_layernorm', value.added, value.added)] : []),
    { op: 'add', a: value.hidden, b: value.added, out: value.hidden },
  ];
}
