// Gemma 1, 2 and 3 (text): norms times (1 + w), scaled embeddings, GeGLU. Gemma 2 adds norms behind attention and MLP, capped scores and logits, and a
// window in every other layer; Gemma 3 norms queries and keys instead of capping, and has its own rotation in windowed layers.
import { spell } from '../../checkpoint/spell.ts';
import { EngineError } from '../../errors.ts';
import { parseRope, ropeOfTheta } from '../rope.ts';
import { type Architecture, activationOf, layerWindows, optionalNumber, plainTraits, type Source, type Traits, windowOf } from './architecture.ts';

export const gemma: Architecture = { name: 'GemmaForCausalLM', modelType: 'gemma', traits: gemmaTraits };

export const gemma2: Architecture = {
  name: 'Gemma2ForCausalLM',
  modelType: 'gemma2',
  traits: (source) => ({
    ...gemmaTraits(source),
    postNorms: true,
    attentionScale: queryScale(source),
    attentionSoftcap: withDefault(source, 'attn_logit_softcapping', 50),
    finalSoftcap: withDefault(source, 'final_logit_softcapping', 30),
    windows: layerWindows(source, window(source), (layer) => layer % 2 === 0),
  }),
};

export const gemma3: Architecture = {
  name: 'Gemma3ForCausalLM',
  modelType: 'gemma3_text',
  traits(source) {
    const { config, shape, file } = source;
    const pattern = optionalNumber(source, 'sliding_window_pattern') ?? optionalNumber(source, '_sliding_window_pattern') ?? 6;
    const windows = layerWindows(source, window(source), (layer) => (layer + 1) % pattern !== 0);
    // transformers 5 keeps one set of rope parameters for each kind of layer.
    const local = ropeOfTheta(config, 'sliding_attention', config['rope_local_base_freq'] ?? 10_000, file);
    const global = parseRope({ rope_theta: 1_000_000, ...config }, shape.maxPositions, file, 'full_attention');
    return {
      ...gemmaTraits({ ...source, config: { ...config, rope_scaling: null, rope_parameters: null } }),
      postNorms: true,
      qkNorm: true,
      attentionScale: queryScale(source),
      attentionSoftcap: optionalNumber(source, 'attn_logit_softcapping'),
      finalSoftcap: optionalNumber(source, 'final_logit_softcapping'),
      windows,
      ropes: windows.map((size) => (size === null ? global : local)),
    };
  },
};

function gemmaTraits(source: Source): Traits {
  const { config, shape, file } = source;
  const named = config['hidden_activation'] ?? config['hidden_act'] ?? 'gelu_pytorch_tanh';
  return {
    ...plainTraits({ ...source, config: { ...config, hidden_act: 'silu' } }),
    qkvBias: config['attention_bias'] === true,
    outputBias: config['attention_bias'] === true,
    normOffset: 1,
    // The first configs say gelu and meant the approximation, which transformers runs for them.
    activation: activationOf(named === 'gelu' ? 'gelu_pytorch_tanh' : named, 'hidden_activation', file),
    embedScale: Math.fround(shape.hiddenSize ** 0.5),
  };
}

function queryScale(source: Source): number {
  return (optionalNumber(source, 'query_pre_attn_scalar') ?? 256) ** -0.5;
}

/** A key that is left out has the library's default; null means none. */
function withDefault(source: Source, key: string, otherwise: number): number | null {
  return source.config[key] === undefined ? otherwise : optionalNumber(source, key);
}

function window({ config, file }: Source): number | null {
  const size = windowOf(config['sliding_window'] === undefined ? 4_096 : config['sliding_window'], file);
  if (config['use_bidirectional_attention'] === true)
    throw new EngineError('checkpoint', `${file}: use_bidirectional_attention ${spell(true)} cannot run here: it is no causal model`, { file });
  return size;
}
