// Mistral 7B: a Llama with a sliding window.
import { type Architecture, plainTraits, windowOf } from './architecture.ts';

export const mistral: Architecture = {
  name: 'MistralForCausalLM',
  modelType: 'mistral',
  traits(source) {
    const { config, shape, file } = source;
    // A config without the key means the library's default of 4096; null means none.
    const window = windowOf(config['sliding_window'] === undefined ? 4_096 : config['sliding_window'], file);
    return { ...plainTraits(source), windows: Array<number | null>(shape.layers).fill(window) };
  },
};
