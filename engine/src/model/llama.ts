// Programs of the Llama family: the whole model for tokens, and one block for calibration, from one description of a block.
//   h += o(attention(rope(q(n)), rope(k(n)), v(n))), n = rmsnorm(h);   h += down(silu(gate(m)) * up(m)), m = rmsnorm(h)
import type { Op, ProgramSpec } from '@quantwright/native/binding';
import type { ModelConfig } from './config.ts';
import { inverseFrequency } from './rope.ts';
import type { Linear, ModelWeights } from './weights.ts';

/** Inputs of linears, in the order of a block: q/k/v share the first, gate/up the third. */
export const linearInputs = ['attention', 'o_proj', 'mlp', 'down_proj'] as const;
export type LinearInput = (typeof linearInputs)[number];
export const observations = ['absmax', 'hessian', 'capture'] as const;
export type Observation = (typeof observations)[number];

/** Slot under which `Program.observed` returns the statistic of that input. */
export function observeSlot(input: LinearInput, kind: Observation): number {
  return observations.indexOf(kind) * linearInputs.length + linearInputs.indexOf(input);
}

/** The input that a linear of a block reads, by the last part of its module name. */
export function inputOf(linear: 'q_proj' | 'k_proj' | 'v_proj' | 'o_proj' | 'gate_proj' | 'up_proj' | 'down_proj'): LinearInput {
  if (linear === 'o_proj' || linear === 'down_proj') return linear;
  return linear === 'gate_proj' || linear === 'up_proj' ? 'mlp' : 'attention';
}

/** Token ids -> logits [vocabulary]. */
export async function buildModel(config: ModelConfig, weights: ModelWeights): Promise<ProgramSpec> {
  const { hiddenSize, vocabSize, layers, tiedEmbeddings } = config.shape;
  const table = await weights.embedding('model.embed_tokens.weight', vocabSize, hiddenSize);
  const body: Op[] = [{ op: 'embed', table, out: value.hidden }];
  for (let layer = 0; layer < layers; layer++) body.push(...(await block(config, weights, layer, layer, [])));
  const norm = await weights.vector('model.norm.weight', hiddenSize);
  const head: Linear = tiedEmbeddings ? { weight: table } : await weights.linear('lm_head', vocabSize, hiddenSize, false);
  const widths = [...blockWidths(config), vocabSize];
  const logits = widths.length - 1;
  return {
    input: 'tokens',
    values: widths,
    body,
    head: [
      { op: 'rmsnorm', in: value.hidden, out: value.normed, weight: norm, eps: config.rmsNormEps },
      { op: 'linear', in: value.normed, out: logits, ...head },
    ],
    output: logits,
  };
}

/** Hidden states [hidden] before block `layer` -> after it. Its session holds the cache of this one block. */
export async function buildBlock(config: ModelConfig, weights: ModelWeights, layer: number, observe: readonly Observation[] = []): Promise<ProgramSpec> {
  return { input: 'hidden', values: blockWidths(config), body: await block(config, weights, layer, 0, observe), head: [], output: value.hidden };
}

/** Value ids of a block; every block uses the same, so the plan keeps one buffer each. */
const value = { hidden: 0, normed: 1, q: 2, k: 3, v: 4, attention: 5, added: 6, gate: 7, up: 8, activated: 9 } as const;

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
  ];
}

/** `layer` names the weights, `cacheLayer` the cache. */
async function block(config: ModelConfig, weights: ModelWeights, layer: number, cacheLayer: number, observe: readonly Observation[]): Promise<Op[]> {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = config.shape;
  const prefix = `model.layers.${layer}`;
  const linear = async (input: number, output: number, module: string, rows: number, cols: number, bias: boolean): Promise<Op> => {
    return { op: 'linear', in: input, out: output, ...(await weights.linear(`${prefix}.${module}`, rows, cols, bias)) };
  };
  const norm = async (name: string): Promise<Op> => {
    return { op: 'rmsnorm', in: value.hidden, out: value.normed, weight: await weights.vector(`${prefix}.${name}.weight`, hiddenSize), eps: config.rmsNormEps };
  };
  const watch = (input: LinearInput, at: number): Op[] => observe.map((kind) => ({ op: 'observe', in: at, kind, slot: observeSlot(input, kind) }));
  const rope = { op: 'rope', headDim, inverseFrequency: inverseFrequency(config.rope, headDim), attentionScale: 1 } as const;
  const window = config.windows[layer] ?? null;
  return [
    await norm('input_layernorm'),
    ...watch('attention', value.normed),
    await linear(value.normed, value.q, 'self_attn.q_proj', heads * headDim, hiddenSize, config.qkvBias),
    await linear(value.normed, value.k, 'self_attn.k_proj', kvHeads * headDim, hiddenSize, config.qkvBias),
    await linear(value.normed, value.v, 'self_attn.v_proj', kvHeads * headDim, hiddenSize, config.qkvBias),
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
      scale: headDim ** -0.5,
      ...(window === null ? {} : { window }),
    },
    ...watch('o_proj', value.attention),
    await linear(value.attention, value.added, 'self_attn.o_proj', hiddenSize, heads * headDim, config.outputBias),
    { op: 'add', a: value.hidden, b: value.added, out: value.hidden },
    await norm('post_attention_layernorm'),
    ...watch('mlp', value.normed),
    await linear(value.normed, value.gate, 'mlp.gate_proj', intermediateSize, hiddenSize, config.mlpBias),
    await linear(value.normed, value.up, 'mlp.up_proj', intermediateSize, hiddenSize, config.mlpBias),
    { op: 'silu_mul', gate: value.gate, up: value.up, out: value.activated },
    ...watch('down_proj', value.activated),
    await linear(value.activated, value.added, 'mlp.down_proj', hiddenSize, intermediateSize, config.mlpBias),
    { op: 'add', a: value.hidden, b: value.added, out: value.hidden },
  ];
}
