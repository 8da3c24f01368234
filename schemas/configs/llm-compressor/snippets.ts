// Recipes to begin with.
import type { Snippet } from '../config-format.ts';

function recipe(modifiers: Readonly<Record<string, unknown>>): unknown {
  return { default_stage: { default_modifiers: modifiers } };
}

const rest = { targets: ['Linear'], ignore: ['lm_head'] };

export const snippets: readonly Snippet[] = [
  { label: 'GPTQ W4A16', description: '4-bit weights in groups of 128, with calibration data.', value: recipe({ GPTQModifier: { scheme: 'W4A16', ...rest } }) },
  {
    label: 'SmoothQuant, then GPTQ W8A8',
    description: '8-bit weights and activations per token.',
    value: recipe({ SmoothQuantModifier: { smoothing_strength: 0.8 }, GPTQModifier: { scheme: 'W8A8', ...rest } }),
  },
  {
    label: 'AWQ W4A16',
    description: '4-bit weights with zero points, scaled for the salient channels.',
    value: recipe({ AWQModifier: { duo_scaling: true }, QuantizationModifier: { scheme: 'W4A16_ASYM', ...rest } }),
  },
  {
    label: 'FP8 dynamic',
    description: 'FP8 weights and activations; needs no data.',
    value: recipe({ QuantizationModifier: { scheme: 'FP8_DYNAMIC', ...rest } }),
  },
];
