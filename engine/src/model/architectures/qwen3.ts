// Qwen3: Qwen2 with norms on queries and keys in the place of their biases.
import { type Architecture, plainTraits } from './architecture.ts';
import { qwenWindows } from './qwen2.ts';

export const qwen3: Architecture = {
  name: 'Qwen3ForCausalLM',
  modelType: 'qwen3',
  traits: (source) => ({
    ...plainTraits(source),
    qkvBias: source.config['attention_bias'] === true,
    outputBias: source.config['attention_bias'] === true,
    qkNorm: true,
    windows: qwenWindows(source),
  }),
};
