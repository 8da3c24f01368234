// Opens a GGUF file as a model: its metadata as config and tokenizer, its blocks as weights.
import { open } from 'node:fs/promises';
import { type GgufArchitecture, ggufArchitecture, ggufConfig, type RopeFactors } from '../checkpoint/gguf/config.ts';
import { type GgufModel, openGguf } from '../checkpoint/gguf/file.ts';
import { quantizedTypes } from '../checkpoint/gguf/types.ts';
import { ggufWeights } from '../checkpoint/gguf/weights.ts';
import { EngineError, fileError } from '../errors.ts';
import { ggufTokenizer } from '../text/gguf-tokenizer.ts';
import { type ModelConfig, parseModelConfig } from './config.ts';
import type { OpenModel } from './open.ts';

/** Throws kind `input`, `io` or `checkpoint`. */
export async function openGgufModel(path: string): Promise<OpenModel> {
  const model = await openGguf(path);
  const architecture = ggufArchitecture(model);
  const config = converted(architecture, parseModelConfig(ggufConfig(model, await readRopeFactors(model, architecture)), path));
  const quantized = quantizedTypes(model.tensors.values());
  return {
    config,
    kvSetting: null,
    fileBytes: model.fileBytes,
    layout: quantized.length === 0 ? null : 'gguf',
    cacheable: null,
    weights: (binding, { loaded }) => ggufWeights(model, architecture, config.shape.headDim, binding, loaded),
    tokenizer: async () => ggufTokenizer(model.metadata, config.shape.vocabSize),
  };
}

/**
 * What conversion changed in the weights (llama.cpp, convert_hf_to_gguf.py): Gemma's norms have their 1, GPT-NeoX's fused
 * matrix has all of q before all of k.
 */
function converted(architecture: GgufArchitecture, config: ModelConfig): ModelConfig {
  const { classic } = config;
  if (classic === null) return architecture.startsWith('gemma') ? { ...config, normOffset: 0 } : config;
  return { ...config, classic: { ...classic, fused: classic.fused === null ? null : { ...classic.fused, byHeads: false } } };
}

/** Llama 3.1's files hold the divisors of the frequencies, Phi-3's one list for short and one for long texts. */
export async function readRopeFactors(model: GgufModel, architecture: GgufArchitecture): Promise<RopeFactors> {
  const name = architecture === 'phi3' ? 'rope_factors_short.weight' : 'rope_freqs.weight';
  const tensor = model.tensors.get(name);
  if (tensor === undefined) return null;
  if (tensor.type !== 'F32' || tensor.shape.length !== 1 || tensor.bytes > 65_536)
    throw new EngineError(
      'checkpoint',
      `${tensor.file}: tensor ${name} has type ${tensor.type} and shape [${tensor.shape.join(', ')}]; a short F32 vector is needed`,
      {
        file: tensor.file,
        tensor: name,
      },
    );
  const handle = await open(tensor.file, 'r').catch((cause: unknown) => {
    throw fileError('open', tensor.file, cause);
  });
  try {
    const bytes = new Uint8Array(tensor.bytes);
    await handle.read(bytes, 0, bytes.length, tensor.offset);
    return [...new Float32Array(bytes.buffer)];
  } finally {
    await handle.close();
  }
}
