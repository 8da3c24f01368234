// Qwen2 and 2.5: a Llama with biases on q, k and v, and windows in the upper layers when asked for.
import { type Architecture, layerWindows, plainTraits, type Source, windowOf } from './architecture.ts';

export const qwen2: Architecture = {
  name: 'Qwen2ForCausalLM',
  modelType: 'qwen2',
  traits: (source) => ({ ...plainTraits(source), qkvBias: true, windows: qwenWindows(source) }),
};

export function qwenWindows(source: Source): readonly (number | null)[] {
  const { config, shape, file } = source;
  const size = config['use_sliding_window'] === true ? windowOf(config['sliding_window'] ?? null, file) : null;
  const first = typeof config['max_window_layers'] === 'number' ? config['max_window_layers'] : shape.layers;
  return layerWindows(source, size, (layer) => layer >= first);
}
