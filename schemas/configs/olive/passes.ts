// The passes of Olive: all names, where the quantizing ones run, and what their settings take. The tool goes by `type` in any case of letters.
// Source: microsoft/Olive olive/olive_config.json, olive/passes/** (85 passes).
import type { QuantMethod } from '../../recipe/recipe.ts';

export const SOURCE = 'microsoft/Olive olive/olive_config.json';

export const PASSES: readonly string[] = [
  'AddOliveMetadata',
  'AimetQuantization',
  'AutoAWQQuantizer',
  'AutoClip',
  'CaptureLayerAnnotations',
  'CaptureSplitInfo',
  'ComposeOnnxModels',
  'ConvertHfToGGUF',
  'DoRA',
  'DynamicToFixedShape',
  'EPContextBinaryGenerator',
  'ExtractAdapters',
  'Gptq',
  'GptqModel',
  'GptqQuantizer',
  'GraphSurgeries',
  'IncDynamicQuantization',
  'IncQuantization',
  'IncStaticQuantization',
  'InputNCHWtoNHWC',
  'KQuant',
  'LoftQ',
  'LoHa',
  'LoKr',
  'LoRA',
  'MatMulNBitsToQDQ',
  'MergeAdapterWeights',
  'MixedPrecisionOverrides',
  'MobiusBuilder',
  'ModelBuilder',
  'NVModelOptGraphSurgery',
  'NVModelOptQuantization',
  'OnnxBlockWiseRtnQuantization',
  'OnnxBnb4Quantization',
  'OnnxConversion',
  'OnnxDiscrepancyCheck',
  'OnnxDynamicQuantization',
  'OnnxFloatToFloat16',
  'OnnxHqqQuantization',
  'OnnxIODataTypeConverter',
  'OnnxKQuantQuantization',
  'OnnxOpVersionConversion',
  'OnnxPeepholeOptimizer',
  'OnnxQuantization',
  'OnnxQuantizationPreprocess',
  'OnnxScriptFusion',
  'OnnxStaticQuantization',
  'OpenVINOConversion',
  'OpenVINOEncapsulation',
  'OpenVINOIoUpdate',
  'OpenVINOOptimumConversion',
  'OpenVINOQuantization',
  'OpenVINOQuantizationWithAccuracy',
  'OpenVINOWeightCompression',
  'OptimumConversion',
  'OptimumMerging',
  'OrtMixedPrecision',
  'OrtSessionParamsTuning',
  'OrtTransformersOptimization',
  'QairtEncapsulation',
  'QairtGenAIBuilder',
  'QairtMHA2SHA',
  'QairtPipelinePass',
  'QairtPreparation',
  'QLoRA',
  'QNNContextBinaryGenerator',
  'QNNConversion',
  'QNNModelLibGenerator',
  'QNNPreprocess',
  'QuarkQuantization',
  'QuarkQuantizationVitisAI',
  'QuaRot',
  'Rtn',
  'RyzenGenerateModelLLM',
  'SaveTestModelConfig',
  'SDLoRA',
  'SelectiveMixedPrecision',
  'SliceGPT',
  'SparseGPT',
  'SpinQuant',
  'SplitModel',
  'StaticLLM',
  'VitisAIAddMetaData',
  'VitisGenerateModelLLM',
  'VitisGenerateModelSD',
];

/** Passes that run on some execution providers only (names without "ExecutionProvider"). */
export const PROVIDERS: Readonly<Record<string, readonly string[]>> = {
  IncDynamicQuantization: ['CPU'],
  IncQuantization: ['CPU'],
  IncStaticQuantization: ['CPU'],
  NVModelOptQuantization: ['CUDA'],
  OnnxBlockWiseRtnQuantization: ['CPU', 'CUDA', 'Dml'],
  OnnxKQuantQuantization: ['CPU', 'CUDA', 'Dml'],
  OnnxBnb4Quantization: ['CPU'],
  OnnxDynamicQuantization: ['CPU'],
  OnnxHqqQuantization: ['CPU', 'CUDA', 'Dml'],
  OnnxQuantization: ['CPU'],
  QuarkQuantization: ['CPU', 'ROCM', 'CUDA'],
  QuarkQuantizationVitisAI: ['CPU', 'ROCM', 'CUDA'],
};

export interface Quantizer {
  readonly method: QuantMethod;
  /** Source file of the pass. */
  readonly source: string;
  readonly bits: { readonly default: number; readonly allowed: readonly number[] | null };
  /** The key that holds the group, what it takes (null: -1 or greater than 0), and its value when left out. */
  readonly group: {
    readonly key: 'group_size' | 'q_group_size' | 'block_size';
    readonly default: number;
    readonly allowed: readonly number[] | 'power of two from 16' | null;
  };
  readonly symmetric: { readonly key: 'sym' | 'zero_point' | 'is_symmetric'; readonly default: boolean } | null;
  /** Value of desc_act when left out; `with -1`: true for per channel only. */
  readonly descAct: boolean | 'with -1';
}

/** Passes whose settings say all that a recipe needs. */
export const QUANTIZERS: Readonly<Record<string, Quantizer>> = {
  Gptq: {
    method: 'gptq',
    source: 'microsoft/Olive olive/passes/pytorch/gptq.py',
    bits: { default: 4, allowed: [2, 4, 8] },
    group: { key: 'group_size', default: 128, allowed: [-1, 16, 32, 64, 128] },
    symmetric: { key: 'sym', default: false },
    descAct: 'with -1',
  },
  GptqModel: {
    method: 'gptq',
    source: 'microsoft/Olive olive/passes/pytorch/gptqmodel.py',
    bits: { default: 4, allowed: null },
    group: { key: 'group_size', default: -1, allowed: null },
    symmetric: { key: 'sym', default: true },
    descAct: true,
  },
  GptqQuantizer: {
    method: 'gptq',
    source: 'microsoft/Olive olive/passes/pytorch',
    bits: { default: 4, allowed: null },
    group: { key: 'group_size', default: 128, allowed: null },
    symmetric: { key: 'sym', default: false },
    descAct: false,
  },
  AutoAWQQuantizer: {
    method: 'awq',
    source: 'microsoft/Olive olive/passes/pytorch/autoawq.py',
    bits: { default: 4, allowed: null },
    group: { key: 'q_group_size', default: 128, allowed: null },
    symmetric: { key: 'zero_point', default: false },
    descAct: false,
  },
  Rtn: {
    method: 'rtn',
    source: 'microsoft/Olive olive/passes/pytorch/rtn.py',
    bits: { default: 4, allowed: [4, 8] },
    group: { key: 'group_size', default: 128, allowed: null },
    symmetric: { key: 'sym', default: false },
    descAct: false,
  },
  KQuant: {
    method: 'kquant',
    source: 'microsoft/Olive olive/passes/pytorch/kquant.py',
    bits: { default: 4, allowed: [4, 8] },
    group: { key: 'group_size', default: 32, allowed: null },
    symmetric: { key: 'sym', default: false },
    descAct: false,
  },
  OnnxKQuantQuantization: {
    method: 'kquant',
    source: 'microsoft/Olive olive/passes/onnx/kquant_quantization.py',
    bits: { default: 4, allowed: [4, 8] },
    group: { key: 'block_size', default: 32, allowed: null },
    symmetric: null,
    descAct: false,
  },
  OnnxBlockWiseRtnQuantization: {
    method: 'rtn',
    source: 'microsoft/Olive olive/passes/onnx/rtn_quantization.py',
    bits: { default: 4, allowed: [4] },
    group: { key: 'block_size', default: 128, allowed: 'power of two from 16' },
    symmetric: { key: 'is_symmetric', default: true },
    descAct: false,
  },
  OnnxHqqQuantization: {
    method: 'hqq',
    source: 'microsoft/Olive olive/passes/onnx/hqq_quantization.py',
    bits: { default: 4, allowed: [4] },
    group: { key: 'block_size', default: 128, allowed: null },
    symmetric: null,
    descAct: false,
  },
};

/** The name as Olive has it. */
export function passNamed(type: string): string | null {
  return PASSES.find((pass) => pass.toLowerCase() === type.toLowerCase()) ?? null;
}
