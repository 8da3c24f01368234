// Ready-made quantization configs. A preset is written out as an editable *.quant.json, so that what runs is always a file the user can read.

export interface Preset {
  /** Part of the file name. */
  readonly id: string;
  readonly label: string;
  readonly detail: string;
  readonly config: Readonly<Record<string, string | number>>;
}

export const presets: readonly Preset[] = [
  {
    id: 'int8',
    label: '8-bit weights',
    detail: 'A16W8, one scale per output channel: half the size, hardly any loss',
    config: { quant_method: 'instant_quant', weight_format: 'int8', group_size: -1, compute_method: 'weight_only' },
  },
  {
    id: 'uint4-g32',
    label: '4-bit weights, groups of 32',
    detail: 'A16W4: a third of the size, the safer 4-bit choice',
    config: { quant_method: 'instant_quant', weight_format: 'uint4', group_size: 32, compute_method: 'weight_only' },
  },
  {
    id: 'uint4-g128',
    label: '4-bit weights, groups of 128',
    detail: 'A16W4: the smallest that most runtimes have a kernel for',
    config: { quant_method: 'instant_quant', weight_format: 'uint4', group_size: 128, compute_method: 'weight_only' },
  },
  {
    id: 'a8w8',
    label: '8-bit weights and activations',
    detail: 'A8W8: integer dot products, activations quantized per token while running',
    config: { quant_method: 'instant_quant', weight_format: 'int8', group_size: -1, compute_method: 'activate_quant' },
  },
  {
    id: 'smoothquant',
    label: 'SmoothQuant: 8-bit weights and activations',
    detail: 'W8A8 for models whose activations have outliers: they move into the weights. Needs calibration text (a built-in one, if none is named)',
    config: { quant_method: 'smoothquant', weight_format: 'int8' },
  },
  {
    id: 'llm_int8',
    label: 'LLM.int8(): 8 bits beside outliers',
    detail: 'W8A8 with outlier columns in floating point: no calibration, hardly any loss, slower than SmoothQuant',
    config: { quant_method: 'llm_int8', weight_format: 'int8' },
  },
  {
    id: 'zeroquant',
    label: 'ZeroQuant: 8-bit weights and activations',
    detail: 'W8A8 by token, no calibration; blocks can be trained after it (zeroquant.lkd)',
    config: { quant_method: 'zeroquant', weight_format: 'int8' },
  },
  {
    id: 'w8a8_static',
    label: 'Static 8-bit weights and activations',
    detail: 'W8A8 with calibrated scales, the cheapest at run time. Needs calibration text (a built-in one, if none is named)',
    config: { quant_method: 'w8a8_static', weight_format: 'int8' },
  },
  {
    id: 'rtn-uint4-g128',
    label: '4-bit round to nearest, groups of 128',
    detail: 'A16W4 with an integer zero point; can be saved in the GPTQ layout',
    config: { quant_method: 'rtn', weight_format: 'uint4', group_size: 128, compute_method: 'weight_only' },
  },
];

/** Text of the file; two spaces, a newline at the end. */
export function presetText(preset: Preset): string {
  return `${JSON.stringify(preset.config, null, 2)}\n`;
}

/** `<preset>.quant.json`, with a number when a file of that name holds something else. `textOf` gives null for a name that is free. */
export async function presetFileName(preset: Preset, textOf: (name: string) => Promise<string | null>): Promise<string> {
  for (let number = 1; ; number++) {
    const name = number === 1 ? `${preset.id}.quant.json` : `${preset.id}-${number}.quant.json`;
    const existing = await textOf(name);
    if (existing === null || existing === presetText(preset)) return name;
  }
}
