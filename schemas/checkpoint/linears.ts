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
  /** Leading blocks that are dense. */
  readonly denseLayers: number;
}

type Sizes = Omit<ModelShape, 'linears'>;

/** Linears of the decoder blocks and, when it is not tied, lm_head. */
export function linearsOf(family: Family, model: Sizes, latent: LatentSizes | null, mixture: MixtureSizes | null): readonly LinearShape[] {
  const attention = latent === null ? plainAttention(model) : latentAttention(model, latent);
  const all = [...attention, ...mlps(family, model, mixture)];
  const head: LinearShape = { kind: 'lm_head', module: 'lm_head', in: model.hiddenSize, out: model.vocabSize, parallel: 'column', firstLayer: 0, endLayer: 0 };
  return model.tiedEmbeddings ? all : [...all, head];
}

/** model.layers.0.mlp.down_proj ... of one linear; expert 0 stands for all experts. None for lm_head, which is not quantized. */
export function modulesOf({ module, firstLayer, endLayer }: LinearShape): readonly string[] {
  return Array.from({ length: endLayer - firstLayer }, (_, index) => module.replace('{i}', String(firstLayer + index)).replace('{e}', '0'));
}

function plainAttention(model: Sizes): readonly LinearShape[] {
  const { hiddenSize, heads, kvHeads, headDim } = model;
  return [
    ofAttention(model, 'q_proj', hiddenSize, heads * headDim),
    ofAttention(model, 'k_proj', hiddenSize, kvHeads * headDim),
    ofAttention(model, 'v_proj', hiddenSize, kvHeads * headDim),
    ofAttention(model, 'o_proj', heads * headDim, hiddenSize),
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
  return { kind, module, in: input, out: output, parallel: kind === 'o_proj' ? 'row' : 'column', firstLayer: 0, endLayer: model.layers };
}

function mlps(family: Family, model: Sizes, mixture: MixtureSizes | null): readonly LinearShape[] {
  const { intermediateSize, layers } = model;
  if (mixture === null) {
    return mlp(model, family.mlp, intermediateSize, 0, layers);
  }
  const { expert, shared, denseLayers } = mixture;
  const names = family.expertNames;
  return [
    ...(denseLayers === 0 ? [] : mlp(model, family.mlp, intermediateSize, 0, denseLayers)),
    ...mlp(model, family.expert, expert, denseLayers, layers, names),
    ...(shared === 0 ? [] : mlp(model, family.sharedExpert, shared, denseLayers, layers)),
  ];
}

function mlp(model: Sizes, parent: string, width: number, firstLayer: number, endLayer: number, names?: Family['expertNames']): readonly LinearShape[] {
  return (['gate_proj', 'up_proj', 'down_proj'] as const).map((kind) => ({
    kind,
    module: `model.layers.{i}.${parent}.${names?.[kind] ?? kind}`,
    in: kind === 'down_proj' ? width : model.hiddenSize,
    out: kind === 'down_proj' ? model.hiddenSize : width,
    parallel: kind === 'down_proj' ? 'row' : 'column',
    firstLayer,
    endLayer,
  }));
}
