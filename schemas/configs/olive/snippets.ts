// Workflows to begin with.
import type { Snippet } from '../config-format.ts';

const model = { type: 'HfModel', model_path: 'path/to/model' };
const data = [
  {
    name: 'calibration',
    type: 'HuggingfaceContainer',
    load_dataset_config: { data_name: 'wikitext', subset: 'wikitext-2-raw-v1', split: 'train' },
    pre_process_data_config: { strategy: 'join', max_seq_len: 2048, max_samples: 128 },
  },
];
const system = (device: string, provider: string): unknown => ({ local: { type: 'LocalSystem', accelerators: [{ device, execution_providers: [provider] }] } });

export const snippets: readonly Snippet[] = [
  {
    label: 'GPTQ, then ONNX',
    description: '4-bit GPTQ in groups of 128 with calibration data, and an ONNX model for a GPU.',
    value: {
      input_model: model,
      systems: system('gpu', 'CUDAExecutionProvider'),
      data_configs: data,
      passes: { gptq: { type: 'Gptq', bits: 4, group_size: 128, sym: true, data_config: 'calibration' }, build: { type: 'ModelBuilder', precision: 'int4' } },
      target: 'local',
      output_dir: 'out',
    },
  },
  {
    label: 'RTN without data',
    description: '4-bit rounding in blocks of 32 on an ONNX model for a CPU.',
    value: {
      input_model: model,
      systems: system('cpu', 'CPUExecutionProvider'),
      passes: { convert: { type: 'OnnxConversion' }, rtn: { type: 'OnnxBlockWiseRtnQuantization', block_size: 32, is_symmetric: true } },
      target: 'local',
      output_dir: 'out',
    },
  },
];
