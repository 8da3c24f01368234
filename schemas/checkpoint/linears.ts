// The linears of a model from its family's names and its sizes, and the full names of their modules layer by layer.
import type { Family } from './linear-names.ts';
import type { LinearKind, LinearShape, ModelShape } from './model-shape.ts';

/** Ranks and head sizes of latent attention; `queryRank` null: queries are not compressed. */
export interface LatentSizes {
  readonly queryRank: number | null;
  readonly keyRank: number;
  readonly nopeDim: number;
  readonly ropeDim: number;
  readonly valueDim: number;
}

/** Sizes of the parts of a mixture block; null: the model is dense. */
export interface MixtureSizes {
  readonly expert: number;
  /** 0: no shared expert. */
  readonly shared: number;
  /** Blocks that are dense, in rising order. */
  readonly denseLayers: readonly number[];
}

type Sizes = Omit<ModelShape, 'linears'>;

/** Linears of the decoder blocks and, when it is not tied, lm_head. */
export function linearsOf(family: Family, model: Sizes, latent: LatentSizes | null, mixture: MixtureSizes | null): readonly LinearShape[] {
  const attention = latent !== null ? latentAttention(model, latent) : plainAttention(model, family.fusedAttention);
  const all = [...attention, ...mlps(family, model, mixture)];
  const head: LinearShape = { kind: 'lm_head', module: 'lm_head', in: model.hiddenSize, out: model.vocabSize, parallel: 'column', firstLayer: 0, endLayer: 0 };
  return model.tiedEmbeddings ? all : [...all, head];
}

/** model.layers.0.mlp.down_proj ... of one linear; expert 0 stands for all experts. None for lm_head, which is in no layer. */
export function modulesOf({ module, firstLayer, endLayer }: LinearShape): readonly string[] {
  return Array.from({ length: endLayer - firstLayer }, (_, index) => module.replace('{i}', String(firstLayer + index)).replace('{e}', '0'));
}

function plainAttention(model: Sizes, fused: string | null): readonly LinearShape[] {
  const { hiddenSize, heads, kvHeads, headDim } = model;
  const out = ofAttention(model, 'o_proj', heads * headDim, hiddenSize);
  if (fused !== null) {
    const all = ofAttention(model, 'qkv_proj', hiddenSize, (heads + 2 * kvHeads) * headDim);
    return [{ ...all, module: `model.layers.{i}.self_attn.${fused}` }, out];
  }
  return [
    ofAttention(model, 'q_proj', hiddenSize, heads * headDim),
    ofAttention(model, 'k_proj', hiddenSize, kvHeads * headDim),
    ofAttention(model, 'v_proj', hiddenSize, kvHeads * headDim),
    out,
  ];
}

function latentAttention(model: Sizes, { queryRank, keyRank, nopeDim, ropeDim, valueDim }: LatentSizes): readonly LinearShape[] {
  const { hiddenSize, heads } = model;
  const queries = heads * (nopeDim + ropeDim);
  const query =
    queryRank === null
      ? [ofAttention(model, 'q_proj', hiddenSize, queries)]
      : [ofAttention(model, 'q_a_proj', hiddenSize, queryRank), ofAttention(model, 'q_b_proj', queryRank, queries)];
  return [
    ...query,
    ofAttention(model, 'kv_a_proj_with_mqa', hiddenSize, keyRank + ropeDim),
    ofAttention(model, 'kv_b_proj', keyRank, heads * (nopeDim + valueDim)),
    ofAttention(model, 'o_proj', heads * valueDim, hiddenSize),
  ];
}

function ofAttention(model: Sizes, kind: LinearKind, input: number, output: number): LinearShape {
  const module = `model.layers.{i}.self_attn.${kind}`;
  const whole = kind === 'q_a_proj' || kind === 'kv_a_proj_with_mqa';
  return { kind, module, in: input, out: output, parallel: kind === 'o_proj' ? 'row' : whole ? 'none' : 'column', firstLayer: 0, endLayer: model.layers };
}

function mlps(family: Family, model: Sizes, mixture: MixtureSizes | null): readonly LinearShape[] {
  const { intermediateSize, layers } = model;
  const dense = (firstLayer: number, endLayer: number): readonly LinearShape[] =>
    mlp(model, family.mlp, intermediateSize, firstLayer, endLayer, { fused: family.fusedMlp });
  if (mixture === null) {
    return dense(0, layers);
  }
  const { expert, shared, denseLayers } = mixture;
  return runsOf(layers, (layer) => denseLayers.includes(layer)).flatMap(({ chosen, first, end }) =>
    chosen
      ? dense(first, end)
      : [
          ...mlp(model, family.expert, expert, first, end, { names: family.expertNames }),
          ...(shared === 0 ? [] : mlp(model, family.sharedExpert, shared, first, end)),
        ],
  );
}

/** Layers next to each other that are alike. */
function runsOf(layers: number, choose: (layer: number) => boolean): readonly { readonly chosen: boolean; readonly first: number; readonly end: number }[] {
  const starts = Array.from({ length: layers }, (_, layer) => layer).filter((layer) => layer === 0 || choose(layer) !== choose(layer - 1));
  return starts.map((first, index) => ({ chosen: choose(first), first, end: starts[index + 1] ?? layers }));
}

interface MlpNames {
  readonly names?: Family['expertNames'];
  readonly fused?: boolean;
}

function mlp(model: Sizes, parent: string, width: number, firstLayer: number, endLayer: number, { names, fused }: MlpNames = {}): readonly LinearShape[] {
  const kinds = fused === true ? (['gate_up_proj', 'down_proj'] as const) : (['gate_proj', 'up_proj', 'down_proj'] as const);
  return kinds.map((kind) => ({
    kind,
    module: `model.layers.{i}.${parent}.${kind === 'gate_up_proj' ? kind : (names?.[kind] ?? kind)}`,
    in: kind === 'down_proj' ? width : model.hiddenSize,
    out: kind === 'down_proj' ? model.hiddenSize : kind === 'gate_up_proj' ? 2 * width : width,
    parallel: kind === 'down_proj' ? 'row' : 'column',
    firstLayer,
    endLayer,
  }));
}
