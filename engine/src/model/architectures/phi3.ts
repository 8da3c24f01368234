// Phi-3, Phi-3.5 and Phi-4: a Llama with q, k and v in one matrix, gate and up in another, and, from Phi-4-mini on, heads rotated in part.
import { parsePartialRope } from '../rope.ts';
import { type Architecture, plainTraits, windowOf } from './architecture.ts';

export const phi3: Architecture = {
  name: 'Phi3ForCausalLM',
  modelType: 'phi3',
  traits(source) {
    const { config, shape, file } = source;
    // Phi-3 states the length it was trained for at the top; what scales the rotation asks for it beside the factors.
    const original = config['original_max_position_embeddings'];
    const scaling = config['rope_scaling'];
    const scaled = typeof scaling === 'object' && scaling !== null ? { original_max_position_embeddings: original, ...scaling } : null;
    // The first configs call longrope su.
    const named = scaled !== null && 'type' in scaled && scaled.type === 'su' ? { ...scaled, type: 'longrope', rope_type: 'longrope' } : scaled;
    const rope = parsePartialRope({ ...config, rope_scaling: named }, shape, file);
    return {
      ...plainTraits({ ...source, config: { hidden_act: config['hidden_act'] ?? 'silu' } }),
      fused: true,
      windows: Array<number | null>(shape.layers).fill(windowOf(config['sliding_window'] ?? null, file)),
      ropes: Array(shape.layers).fill(rope),
    };
  },
};
