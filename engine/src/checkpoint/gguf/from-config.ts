// config.json -> metadata of a GGUF file, and what conversion changes in the weights: the inverse of config.ts and of what model/gguf.ts undoes.
// Source: llama.cpp, convert_hf_to_gguf.py (set_gguf_parameters and modify_tensors of each architecture), gguf-py/gguf/constants.py :: Keys.
import type { ModelShape } from '@quantwright/schemas/checkpoint/model-shape';
import { EngineError } from '../../errors.ts';
import type { ModelConfig } from '../../model/config.ts';
import { inverseFrequency, type RopeConfig } from '../../model/rope.ts';
import type { GgufArchitecture } from './config.ts';
import type { GgufEntry } from './writer.ts';

const architectures: Readonly<Record<string, GgufArchitecture>> = {
  llama: 'llama',
  mistral: 'llama',
  qwen2: 'qwen2',
  qwen3: 'qwen3',
  phi3: 'phi3',
  gemma: 'gemma',
  gemma2: 'gemma2',
  gemma3_text: 'gemma3',
};

export const ggufModelTypes: readonly string[] = Object.keys(architectures);

/** Throws kind `config` for a model that has no GGUF architecture here, naming those that have. */
export function architectureFor(config: ModelConfig, file: string): GgufArchitecture {
  const { modelType } = config.architecture;
  const architecture = architectures[modelType];
  if (architecture === undefined) {
    throw new EngineError('config', `${file}: models of type ${modelType} cannot be written as gguf here; those that can: ${ggufModelTypes.join(', ')}`, {
      file,
    });
  }
  if (architecture === 'llama' && config.windows.some((window) => window !== null && window < config.contextLength)) {
    throw new EngineError('config', `${file}: the llama architecture of GGUF files has no sliding window, and this model needs one of ${config.windows[0]}`, {
      file,
    });
  }
  return architecture;
}

/** Divisors of the rotation's frequencies, as a tensor: llama 3's scaling, and Phi-3's (whose long ones serve texts that are refused here). Null: none. */
export interface RopeFactors {
  readonly name: string;
  readonly values: Float32Array;
}

export function ropeFactorsOf(architecture: GgufArchitecture, { ropes, shape }: ModelConfig): readonly RopeFactors[] {
  const [rope] = ropes;
  if (rope === undefined) return [];
  const { scaling } = rope;
  if (scaling.type === 'longrope') {
    const values = Float32Array.from(scaling.shortFactor);
    return (architecture === 'phi3' ? ['rope_factors_short.weight', 'rope_factors_long.weight'] : ['rope_freqs.weight']).map((name) => ({ name, values }));
  }
  if (scaling.type !== 'llama3' || architecture !== 'llama') return [];
  const scaled = inverseFrequency(rope, shape.headDim);
  const plain = inverseFrequency({ theta: rope.theta, scaling: { type: 'default' } }, shape.headDim);
  return [{ name: 'rope_freqs.weight', values: plain.map((frequency, pair) => frequency / (scaled[pair] ?? 1)) }];
}

/** The sizes and constants of the model. Throws kind `config` for a rotation that no GGUF key says. */
export function architectureEntries(architecture: GgufArchitecture, config: ModelConfig, file: string): readonly GgufEntry[] {
  const { shape } = config;
  const u32 = (name: string, value: number): GgufEntry => ({ key: `${architecture}.${name}`, type: 'u32', value });
  const f32 = (name: string, value: number): GgufEntry => ({ key: `${architecture}.${name}`, type: 'f32', value });
  const [window = null] = config.windows.filter((one) => one !== null);
  // Gemma 3's layers with a window have a rotation of their own; the other is that of the model.
  const rope = config.ropes[config.windows.indexOf(null)] ?? config.ropes[0];
  return [
    u32('context_length', shape.maxPositions),
    u32('embedding_length', shape.hiddenSize),
    u32('block_count', shape.layers),
    u32('feed_forward_length', shape.intermediateSize),
    u32('attention.head_count', shape.heads),
    u32('attention.head_count_kv', shape.kvHeads),
    u32('attention.key_length', shape.headDim),
    u32('attention.value_length', shape.headDim),
    f32('attention.layer_norm_rms_epsilon', config.rmsNormEps),
    u32('vocab_size', shape.vocabSize),
    ...(rope === undefined ? [] : ropeEntries(architecture, rope, shape, file)),
    ...(window === null || architecture === 'llama' ? [] : [u32('attention.sliding_window', window)]),
    ...(config.attentionSoftcap === null ? [] : [f32('attn_logit_softcapping', config.attentionSoftcap)]),
    ...(config.finalSoftcap === null ? [] : [f32('final_logit_softcapping', config.finalSoftcap)]),
  ];
}

function ropeEntries(architecture: GgufArchitecture, rope: RopeConfig, shape: ModelShape, file: string): readonly GgufEntry[] {
  const key = (name: string): string => `${architecture}.rope.${name}`;
  const f32 = (name: string, value: number): GgufEntry => ({ key: key(name), type: 'f32', value });
  const { scaling } = rope;
  const base: readonly GgufEntry[] = [f32('freq_base', rope.theta), { key: key('dimension_count'), type: 'u32', value: rope.rotatedDim ?? shape.headDim }];
  const scaled = (type: string, factor: number): readonly GgufEntry[] => [
    { key: key('scaling.type'), type: 'text', value: type },
    f32('scaling.factor', factor),
  ];
  switch (scaling.type) {
    case 'default':
      return base;
    case 'linear':
      return [...base, ...scaled('linear', scaling.factor)];
    case 'llama3':
      if (architecture === 'llama') return base;
      break;
    case 'longrope':
      return [
        ...base,
        { key: key('scaling.original_context_length'), type: 'u32', value: scaling.originalPositions },
        f32('scaling.attn_factor', scaling.attentionFactor),
      ];
    case 'yarn': {
      const own = 1 + 0.1 * Math.log(scaling.factor);
      return [
        ...base,
        ...scaled('yarn', scaling.factor),
        { key: key('scaling.original_context_length'), type: 'u32', value: scaling.originalPositions },
        f32('scaling.yarn_beta_fast', scaling.betaFast),
        f32('scaling.yarn_beta_slow', scaling.betaSlow),
        // llama.cpp multiplies its own by it.
        ...(Math.abs(scaling.attentionFactor - own) < 1e-6 ? [] : [f32('scaling.attn_factor', scaling.attentionFactor / own)]),
      ];
    }
  }
  throw new EngineError('config', `${file}: the ${scaling.type} rotation of ${architecture} models has no form in GGUF files here`, { file });
}

/** Row of the source for every row of the file: queries and keys of Llama files are in the order of the interleaved rotation. Null: as they are. */
export function rowOrder(architecture: GgufArchitecture, module: string, rows: number, headDim: number): Int32Array | null {
  if (architecture !== 'llama' || !/\.self_attn\.[qk]_proj$/.test(module)) return null;
  return Int32Array.from({ length: rows }, (_, row) => row - (row % headDim) + Math.floor((row % headDim) / 2) + (row % 2) * (headDim / 2));
}

/** What is added to the weights of a norm: Gemma's files have its 1 in them. */
export function normOffset(architecture: GgufArchitecture, tensor: string): 0 | 1 {
  return architecture.startsWith('gemma') && /norm\.weight$/.test(tensor) ? 1 : 0;
}
