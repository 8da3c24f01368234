// Llama 2, 3, 3.1 and 3.2, and what is built like them (SmolLM, TinyLlama).
import { type Architecture, plainTraits } from './architecture.ts';

export const llama: Architecture = {
  name: 'LlamaForCausalLM',
  modelType: 'llama',
  traits: (source) => ({
    ...plainTraits(source),
    qkvBias: source.config['attention_bias'] === true,
    outputBias: source.config['attention_bias'] === true,
    mlpBias: source.config['mlp_bias'] === true,
  }),
};
