// What tells one decoder-only architecture from another: everything the block builder asks beside the sizes. An architecture is one file here that
// fills these from config.json (transformers, src/transformers/models/<model_type>/modeling_<model_type>.py).
import type { ModelShape } from '@quantwright/schemas/checkpoint/model-shape';
import type { JsonObject } from '../../checkpoint/json-file.ts';
import { spell } from '../../checkpoint/spell.ts';
import { EngineError } from '../../errors.ts';
import { parseRope, type RopeConfig } from '../rope.ts';

export interface Traits {
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
  /** q, k and v are one matrix, and gate and up are. */
  readonly fused: boolean;
  /** Norm weights are stored less 1 (Gemma: x * (1 + w)). */
  readonly normOffset: 0 | 1;
  /** Queries and keys are normed head by head before the rotation. */
  readonly qkNorm: boolean;
  /** Norms behind attention and MLP too, before their results are added (Gemma 2). */
  readonly postNorms: boolean;
  readonly activation: 'silu' | 'gelu_tanh';
  /** Embeddings are multiplied by it; null: as stored. */
  readonly embedScale: number | null;
  /** Of attention scores. */
  readonly attentionScale: number;
  readonly attentionSoftcap: number | null;
  readonly finalSoftcap: number | null;
  /** Of every layer: keys with i - j < window are visible; null = all. */
  readonly windows: readonly (number | null)[];
  /** Of every layer; empty: positions are learned. */
  readonly ropes: readonly RopeConfig[];
  /** Null: blocks as Llama's. */
  readonly classic: ClassicBlocks | null;
}

/** Blocks of layer norms with biases and an MLP without a gate; names of the modules as the checkpoint has them. */
export interface ClassicBlocks {
  readonly embedding: string;
  /** Learned positions: row p + offset; null: rotated. */
  readonly positions: { readonly module: string; readonly offset: number } | null;
  /** With `{i}` for the layer. */
  readonly prefix: string;
  /** Before attention and before the MLP. */
  readonly norms: readonly [string, string];
  readonly finalNorm: string;
  /** q, k and v in one matrix: all of q before all of k, or head by head. Null: q_proj, k_proj and v_proj of self_attn. */
  readonly fused: { readonly module: string; readonly byHeads: boolean } | null;
  readonly out: string;
  readonly up: string;
  readonly down: string;
  readonly head: string;
  readonly activation: 'relu' | 'gelu' | 'gelu_tanh';
  readonly eps: number;
  readonly bias: boolean;
  /** Attention and MLP read the same state. */
  readonly parallel: boolean;
  /** Scores of layer i are divided by i + 1 more. */
  readonly scaleByLayer: boolean;
}

export interface Source {
  readonly config: JsonObject;
  readonly shape: ModelShape;
  /** For messages. */
  readonly file: string;
}

export interface Architecture {
  /** architectures[0] of config.json. */
  readonly name: string;
  readonly modelType: string;
  /** Matrices of the blocks are stored as [in, out] (transformers pytorch_utils.py :: Conv1D). */
  readonly transposed?: true;
  /** Throws kind `checkpoint` for what cannot run, by its key. */
  traits(source: Source): Traits;
}

/** Of a Llama, whose blocks the others vary. */
export function plainTraits({ config, shape, file }: Source): Traits {
  return {
    qkvBias: false,
    outputBias: false,
    mlpBias: false,
    fused: false,
    normOffset: 0,
    qkNorm: false,
    postNorms: false,
    activation: activationOf(config['hidden_act'] ?? 'silu', 'hidden_act', file),
    embedScale: null,
    attentionScale: shape.headDim ** -0.5,
    attentionSoftcap: null,
    finalSoftcap: null,
    windows: Array<null>(shape.layers).fill(null),
    ropes: Array<RopeConfig>(shape.layers).fill(parseRope(config, shape.maxPositions, file)),
    classic: null,
  };
}

/** Names of transformers' ACT2FN that gated MLPs use. */
export function activationOf(name: unknown, key: string, file: string): Traits['activation'] {
  if (name === 'silu' || name === 'swish') return 'silu';
  if (name === 'gelu_pytorch_tanh' || name === 'gelu_new') return 'gelu_tanh';
  throw new EngineError('checkpoint', `${file}: ${key} ${spell(name)} cannot run here; silu and gelu_pytorch_tanh can`, { file });
}

/** A sliding window as configs write it: a positive integer, or null for none. */
export function windowOf(value: unknown, file: string): number | null {
  if (value === null) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw new EngineError('checkpoint', `${file}: sliding_window is ${spell(value)}; it must be a positive integer or null`, { file });
}

/** Layers whose `layer_types` entry, or else `sliding(layer)`, says so see `window` keys. */
export function layerWindows({ config, shape, file }: Source, window: number | null, sliding: (layer: number) => boolean): readonly (number | null)[] {
  const types = config['layer_types'];
  if (types !== undefined && types !== null && (!Array.isArray(types) || types.length < shape.layers)) {
    throw new EngineError('checkpoint', `${file}: layer_types must list the kind of each of the ${shape.layers} layers`, { file });
  }
  return Array.from({ length: shape.layers }, (_, layer) => ((Array.isArray(types) ? types[layer] === 'sliding_attention' : sliding(layer)) ? window : null));
}

/** A positive number, or null where the key is null or left out. */
export function optionalNumber({ config, file }: Source, key: string): number | null {
  const value = config[key] ?? null;
  if (value === null || (typeof value === 'number' && Number.isFinite(value) && value > 0)) return value;
  throw new EngineError('checkpoint', `${file}: ${key} is ${spell(value)}; it must be a positive number or null`, { file });
}
