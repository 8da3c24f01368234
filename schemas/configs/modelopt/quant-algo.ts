// quant_algo and kv_cache_quant_algo of ModelOpt and TensorRT-LLM -> the recipe they stand for.
// Source: NVIDIA/TensorRT-LLM tensorrt_llm/quantization/mode.py :: QuantAlgo; NVIDIA/Model-Optimizer modelopt/torch/export/quant_utils.py
import type { ActivationRecipe, ComputeMethod, KvCacheRecipe, QuantMethod, WeightRecipe } from '../../recipe/recipe.ts';

export interface Algorithm {
  readonly methods: readonly QuantMethod[];
  readonly weights: Partial<WeightRecipe>;
  readonly activations: ActivationRecipe | null;
  readonly computeMethod: ComputeMethod;
  /** Group sizes it has; null: the file's are not looked at. */
  readonly groups: readonly number[] | null;
}

const NVFP4 = { dtype: 'nvfp4', bits: 4, groupSize: 16 } as const;
const MXFP4 = { dtype: 'mxfp4', bits: 4, groupSize: 32 } as const;
const FP8 = { dtype: 'fp8_e4m3', bits: 8 } as const;
const INT4 = { bits: 4, groupSize: 128 } as const;
const INT8 = { bits: 8 } as const;

const fp8 = (granularity: ActivationRecipe['granularity'], dynamic: boolean): ActivationRecipe => ({
  dtype: 'fp8_e4m3',
  bits: 8,
  symmetric: true,
  granularity,
  dynamic,
});
const int8 = (granularity: ActivationRecipe['granularity'], dynamic: boolean): ActivationRecipe => ({ bits: 8, symmetric: true, granularity, dynamic });
const floats = (dtype: 'nvfp4' | 'mxfp4' | 'mxfp8'): ActivationRecipe => ({
  dtype,
  bits: dtype === 'mxfp8' ? 8 : 4,
  symmetric: true,
  granularity: 'group',
  dynamic: true,
});

function algorithm(
  method: QuantMethod,
  weights: Partial<WeightRecipe>,
  activations: ActivationRecipe | null = null,
  groups: readonly number[] | null = null,
): Algorithm {
  return { methods: [method], weights, activations, computeMethod: activations === null ? 'weight_only' : 'activate_quant', groups };
}

const BLOCK = { block: [128, 128] } as const;
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  FP8: algorithm('fp8', FP8, fp8('per_tensor', false)),
  FP8_PER_CHANNEL_PER_TOKEN: algorithm('fp8', FP8, fp8('per_token', true)),
  FP8_PB_WO: algorithm('fp8', { ...FP8, ...BLOCK }),
  FP8_BLOCK_SCALES: algorithm('fp8', { ...FP8, ...BLOCK }, fp8('group', true)),
  NVFP4: algorithm('nvfp4', NVFP4, floats('nvfp4'), [16]),
  NVFP4_AWQ: algorithm('nvfp4', NVFP4, floats('nvfp4'), [16]),
  NVFP4_SVD: algorithm('nvfp4', NVFP4, floats('nvfp4'), [16]),
  W4A16_NVFP4: algorithm('nvfp4', NVFP4, null, [16]),
  W4A8_NVFP4_FP8: algorithm('nvfp4', NVFP4, fp8('per_tensor', false)),
  MXFP4: algorithm('mxfp4', MXFP4, floats('mxfp4'), [32]),
  MXFP8: algorithm('mxfp8', { dtype: 'mxfp8', bits: 8, groupSize: 32 }, floats('mxfp8'), [32]),
  W4A16_MXFP4: algorithm('mxfp4', MXFP4, null, [32]),
  W4A8_MXFP4_FP8: algorithm('mxfp4', MXFP4, fp8('per_tensor', false), [32]),
  W4A8_MXFP4_MXFP8: algorithm('mxfp4', MXFP4, floats('mxfp8'), [32]),
  W4A16_AWQ: algorithm('awq', INT4, null, [64, 128]),
  W4A8_AWQ: algorithm('awq', INT4, fp8('per_tensor', false)),
  W4A16_GPTQ: algorithm('gptq', INT4),
  W8A16_GPTQ: algorithm('gptq', { ...INT8, groupSize: 128 }),
  W4A16: algorithm('rtn', { bits: 4 }),
  W8A16: algorithm('rtn', INT8),
  INT8_SQ: algorithm('smoothquant', INT8, int8('per_tensor', false)),
  W8A8_SQ_PER_CHANNEL: algorithm('smoothquant', INT8, int8('per_tensor', false)),
  W8A8_SQ_PER_TENSOR_PLUGIN: algorithm('smoothquant', INT8, int8('per_tensor', false)),
  W8A8_SQ_PER_CHANNEL_PER_TENSOR_PLUGIN: algorithm('smoothquant', INT8, int8('per_tensor', false)),
  W8A8_SQ_PER_CHANNEL_PER_TOKEN_PLUGIN: algorithm('smoothquant', INT8, int8('per_token', true)),
  W8A8_SQ_PER_TENSOR_PER_TOKEN_PLUGIN: algorithm('smoothquant', INT8, int8('per_token', true)),
  W4A8_QSERVE_PER_GROUP: algorithm('rtn', INT4, int8('per_token', true)),
  W4A8_QSERVE_PER_CHANNEL: algorithm('rtn', { bits: 4 }, int8('per_token', true)),
};

/** Null: NO_QUANT, MIXED_PRECISION, and what is not known. */
export function findAlgorithm(name: string | null): Algorithm | null {
  return name !== null && Object.hasOwn(ALGORITHMS, name) ? (ALGORITHMS[name] ?? null) : null;
}

/** Whether the file's group_size is the weights' own. */
export function isGrouped({ weights }: Algorithm): boolean {
  return weights.groupSize !== undefined && weights.groupSize > 0;
}

export function kvCacheOf(name: string | null): KvCacheRecipe | null {
  const common = { method: null, symmetric: true, strategy: 'per_tensor', groupSize: null } as const;
  switch (name) {
    case 'FP8':
      return { ...common, dtype: 'fp8_e4m3', bits: 8 };
    case 'INT8':
      return { ...common, dtype: 'int', bits: 8 };
    case 'NVFP4':
      return { ...common, dtype: 'nvfp4', bits: 4, strategy: 'group', groupSize: 16 };
    default:
      return null;
  }
}
