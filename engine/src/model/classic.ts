// Programs of models with layer norms, biases everywhere and an MLP without a gate: GPT-2, OPT, GPT-NeoX (Pythia).
//   h += o(attention(q(n), k(n), v(n))), n = layernorm(h);   h += down(f(up(m))), m = layernorm(h)
// GPT-NeoX computes both parts from the same h and adds them together (parallel residual).
import type { Op, ProgramSpec, Weight } from '@quantwright/native/binding';
import type { ClassicBlocks } from './architectures/architecture.ts';
import type { ModelConfig } from './config.ts';
import { type LinearInput, type Observation, observeOp } from './observations.ts';
import { overlapped } from './overlapped.ts';
import { inverseFrequency } from './rope.ts';
import type { Linear, ModelWeights } from './weights.ts';

/** Value ids; every block uses the same. */
const value = { hidden: 0, normed: 1, q: 2, k: 3, v: 4, attention: 5, added: 6, inner: 7, qkv: 8, second: 9 } as const;

/** Token ids -> logits [vocabulary]. */
export async function buildClassicModel(config: ModelConfig, blocks: ClassicBlocks, weights: ModelWeights): Promise<ProgramSpec> {
  const { hiddenSize, vocabSize, layers, tiedEmbeddings } = config.shape;
  const { table, body } = await classicEmbedding(config, blocks, weights);
  body.push(...(await overlapped(layers, 2, (layer) => block(config, blocks, weights, layer, layer, []))).flat());
  const values = [...widths(config), vocabSize];
  const logits = values.length - 1;
  const head: Linear = tiedEmbeddings ? { weight: table } : await weights.linear(blocks.head, vocabSize, hiddenSize, false);
  const norm = await classicFinalNorm(config, blocks, weights);
  return {
    input: 'tokens',
    values,
    body,
    head: [norm, { op: 'linear', in: value.normed, out: logits, ...head }],
    output: logits,
  };
}

/** Token ids -> hidden states before the first block, in value 0: tokens and learned positions. */
export async function classicEmbedding(
  { shape }: ModelConfig,
  blocks: ClassicBlocks,
  weights: ModelWeights,
): Promise<{ readonly table: Weight; readonly body: Op[] }> {
  const table = await weights.embedding(blocks.embedding, shape.vocabSize, shape.hiddenSize);
  const body: Op[] = [{ op: 'embed', table, out: value.hidden }];
  if (blocks.positions !== null) {
    const { module, offset } = blocks.positions;
    const positions = await weights.embedding(module, shape.maxPositions + offset, shape.hiddenSize);
    body.push({ op: 'position', in: value.hidden, out: value.hidden, table: positions, offset });
  }
  return { table, body };
}

/** What the output matrix reads, in value 1. */
export async function classicFinalNorm({ shape }: ModelConfig, blocks: ClassicBlocks, weights: ModelWeights): Promise<Op> {
  return { ...(await layerNorm(blocks, weights, blocks.finalNorm, shape.hiddenSize)), in: value.hidden, out: value.normed };
}

/** Hidden states [hidden] before block `layer` (positions are added by then) -> after it. Its session holds the cache of this one block. */
export async function buildClassicBlock(
  config: ModelConfig,
  blocks: ClassicBlocks,
  weights: ModelWeights,
  layer: number,
  observe: readonly Observation[],
): Promise<ProgramSpec> {
  return { input: 'hidden', values: widths(config), body: await block(config, blocks, weights, layer, 0, observe), head: [], output: value.hidden };
}

/** Of the values. */
function widths(config: ModelConfig): number[] {
  const { hiddenSize, intermediateSize, heads, headDim } = config.shape;
  const width = heads * headDim;
  return [hiddenSize, hiddenSize, width, width, width, width, hiddenSize, intermediateSize, 3 * width, hiddenSize];
}

/** `layer` names the weights, `cacheLayer` the cache. */
async function block(
  config: ModelConfig,
  blocks: ClassicBlocks,
  weights: ModelWeights,
  layer: number,
  cacheLayer: number,
  observe: readonly Observation[],
): Promise<Op[]> {
  const { hiddenSize, intermediateSize, heads, headDim } = config.shape;
  const width = heads * headDim;
  const prefix = blocks.prefix.replace('{i}', String(layer));
  const linear = async (input: number, output: number, module: string, rows: number, cols: number): Promise<Op> => {
    const read = config.architecture.transposed === true ? weights.transposedLinear : weights.linear;
    return { op: 'linear', in: input, out: output, ...(await read(`${prefix}.${module}`, rows, cols, blocks.bias)) };
  };
  const norm = async (name: string, output: number): Promise<Op> => {
    return { ...(await layerNorm(blocks, weights, `${prefix}.${name}`, hiddenSize)), in: value.hidden, out: output };
  };
  const watch = (input: LinearInput, at: number): Op[] => observe.map((kind) => observeOp(input, kind, at));
  const { fused } = blocks;
  const parts = [value.q, value.k, value.v] as const;
  const projections: Op[] =
    fused === null
      ? await Promise.all(['q_proj', 'k_proj', 'v_proj'].map((name, part) => linear(value.normed, parts[part] ?? 0, `self_attn.${name}`, width, hiddenSize)))
      : [
          await linear(value.normed, value.qkv, fused.module, 3 * width, hiddenSize),
          // By heads: [head, (q, k, v), headDim]. Else [(q, k, v), head, headDim].
          ...parts.map((out, part): Op => {
            const slice = fused.byHeads ? { offset: part * headDim, parts: heads, stride: 3 * headDim } : { offset: part * width };
            return { op: 'slice', in: value.qkv, out, ...slice };
          }),
        ];
  const attend: Op[] = [
    ...watch('attention', value.normed),
    ...projections,
    ...rotations(config, layer),
    {
      op: 'attention',
      q: value.q,
      k: value.k,
      v: value.v,
      out: value.attention,
      layer: cacheLayer,
      heads,
      kvHeads: heads,
      headDim,
      scale: blocks.scaleByLayer ? config.attentionScale / (layer + 1) : config.attentionScale,
    },
    ...watch('o_proj', value.attention),
    await linear(value.attention, value.added, blocks.out, hiddenSize, width),
  ];
  const up = async (input: number): Promise<Op[]> => [
    ...watch('mlp', input),
    await linear(input, value.inner, blocks.up, intermediateSize, hiddenSize),
    { op: 'activate', kind: blocks.activation, in: value.inner, out: value.inner },
    ...watch('down_proj', value.inner),
  ];
  const add: Op = { op: 'add', a: value.hidden, b: value.added, out: value.hidden };
  const down = await linear(value.inner, value.added, blocks.down, hiddenSize, intermediateSize);
  if (blocks.parallel)
    return [await norm(blocks.norms[0], value.normed), await norm(blocks.norms[1], value.second), ...attend, add, ...(await up(value.second)), down, add];
  return [await norm(blocks.norms[0], value.normed), ...attend, add, await norm(blocks.norms[1], value.normed), ...(await up(value.normed)), down, add];
}

function rotations(config: ModelConfig, layer: number): Op[] {
  const rope = config.ropes[layer];
  if (rope === undefined) return [];
  const { heads, headDim } = config.shape;
  const op = { op: 'rope', headDim, heads, inverseFrequency: inverseFrequency(rope, rope.rotatedDim ?? headDim), attentionScale: 1 } as const;
  return [
    { ...op, value: value.q },
    { ...op, value: value.k },
  ];
}

type Normed = Omit<Extract<Op, { op: 'layernorm' }>, 'in' | 'out'>;

async function layerNorm(blocks: ClassicBlocks, weights: ModelWeights, module: string, width: number): Promise<Normed> {
  const weight = await weights.vector(`${module}.weight`, width);
  return { op: 'layernorm', weight, bias: await weights.vector(`${module}.bias`, width), eps: blocks.eps };
}
