// Methods that quantize weights and activations. Label -> config; configs with `calibration` are measured once for each text.
const calibrated = { save_format: 'quantwright', calibration: { samples: 64, sequence_length: 512 } };
const ours = { save_format: 'quantwright' };
const integers = { compute_method: 'activate_quant', ...ours };
const six = { weight_format: 'int6', activations: { bits: 6 } };
const four = { weight_format: 'int4', activations: { bits: 4 } };
const razored = { weight_format: 'int4', group_size: 32, compute_method: 'activate_quant' };

export function activationJobs() {
  return {
    'DashInfer A8W8 per channel': { quant_method: 'instant_quant', weight_format: 'int8', ...integers },
    'DashInfer A8W8 g128': { quant_method: 'instant_quant', weight_format: 'int8', group_size: 128, ...integers },
    'GPTQ-INT8 A8W8 per channel': { quant_method: 'gptq', weight_format: 'int8', compute_method: 'activate_quant', ...calibrated },
    'GPTQ-INT8 A8W8 g128': { quant_method: 'gptq', weight_format: 'int8', group_size: 128, compute_method: 'activate_quant', ...calibrated },
    'RTN W4A8 g128': { quant_method: 'rtn', weight_format: 'int4', group_size: 128, ...integers },
    'GPTQ W4A8 g128': { quant_method: 'gptq', weight_format: 'int4', group_size: 128, compute_method: 'activate_quant', ...calibrated },
    'GPTQ W4A8 g128 act-order': {
      quant_method: 'gptq',
      weight_format: 'int4',
      group_size: 128,
      desc_act: true,
      compute_method: 'activate_quant',
      ...calibrated,
    },
    'RTN W8A8': { quant_method: 'rtn', weight_format: 'int8', ...integers },
    'SmoothQuant W8A8 alpha 0.5': { quant_method: 'smoothquant', smoothquant: { alpha: 0.5 }, ...calibrated },
    'SmoothQuant W8A8 alpha auto': { quant_method: 'smoothquant', smoothquant: { alpha: 'auto' }, ...calibrated },
    'RTN W6A6': { quant_method: 'rtn', ...six, ...integers },
    'SmoothQuant W6A6 alpha 0.5': { quant_method: 'smoothquant', smoothquant: { alpha: 0.5 }, ...six, ...calibrated },
    'SmoothQuant W6A6 alpha auto': { quant_method: 'smoothquant', smoothquant: { alpha: 'auto' }, ...six, ...calibrated },
    'LLM.int8()': { quant_method: 'llm_int8' },
    'static W8A8 minmax': { quant_method: 'w8a8_static', ...calibrated },
    'static W8A8 percentile': { quant_method: 'w8a8_static', w8a8_static: { observer: 'percentile' }, ...calibrated },
    'static W8A8 kl': { quant_method: 'w8a8_static', w8a8_static: { observer: 'kl' }, ...calibrated },
    'SmoothQuant + static W8A8 minmax': { quant_method: ['smoothquant', 'w8a8_static'], ...calibrated },
    'ZeroQuant W8A8': { quant_method: 'zeroquant', weight_format: 'int8', ...ours },
    'ZeroQuant W4/8 A8': { quant_method: 'zeroquant', weight_format: 'int4', overrides: { '.*self_attn': { weight_format: 'int8' } }, ...ours },
    'ZeroQuant W4A4': { quant_method: 'zeroquant', ...four, ...ours },
    'ZeroQuant W4A4 + LKD': { quant_method: 'zeroquant', ...four, zeroquant: { lkd: { blocks: 'all', steps: 100 } }, ...calibrated },
    'QRazor W4A8 g32': { quant_method: 'qrazor', ...razored, activations: { bits: 8 }, ...ours },
    'QRazor W4A4 g32': { quant_method: 'qrazor', ...razored, activations: { bits: 4 }, ...ours },
    'SmoothQuant + QRazor W4A8 g32': { quant_method: ['smoothquant', 'qrazor'], ...razored, activations: { bits: 8 }, ...calibrated },
    'GPTQ + QRazor W4A8 g32': { quant_method: ['gptq', 'qrazor'], ...razored, activations: { bits: 8 }, desc_act: false, ...calibrated },
    'SmoothQuant + QRazor W4A4 g32': { quant_method: ['smoothquant', 'qrazor'], ...razored, activations: { bits: 4 }, ...calibrated },
    'GPTQ + QRazor W4A4 g32': { quant_method: ['gptq', 'qrazor'], ...razored, activations: { bits: 4 }, desc_act: false, ...calibrated },
  };
}
