// QuantizationArgs of compressed-tensors as its reader completes them, and what they are in a Recipe.
// Source: vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_args.py :: QuantizationArgs
import type { ActivationRecipe, KvCacheRecipe, QuantMethod, WeightRecipe } from '../../recipe/recipe.ts';
import { fieldsOf, isObject } from '../fields.ts';

export const STRATEGIES = ['tensor', 'channel', 'group', 'block', 'token', 'tensor_group', 'attn_head'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export interface Args {
  readonly bits: number;
  readonly float: boolean;
  readonly symmetric: boolean;
  readonly groupSize: number | null;
  /** As written, or as the reader finds it from group_size. */
  readonly strategy: Strategy;
  readonly block: readonly [number, number] | null;
  readonly dynamic: boolean | 'local';
  readonly actorder: unknown;
}

/** Null: not quantized, or a width that cannot be read. */
export function readArgs(value: unknown): Args | null {
  if (!isObject(value)) {
    return null;
  }
  const fields = fieldsOf(value, []);
  const bits = fields.integer('num_bits') ?? (fields.broken('num_bits', null) ? null : 8);
  if (bits === null || bits < 1 || bits > 16) {
    return null;
  }
  const groupSize = fields.integer('group_size');
  const found: Strategy = groupSize === null ? 'tensor' : groupSize > 0 ? 'group' : 'channel';
  return {
    bits,
    float: fields.text('type') === 'float',
    symmetric: fields.boolean('symmetric') ?? true,
    groupSize,
    strategy: fields.oneOf('strategy', STRATEGIES) ?? found,
    block: blockOf(value['block_structure']),
    dynamic: value['dynamic'] === 'local' ? 'local' : value['dynamic'] === true,
    actorder: value['actorder'] ?? null,
  };
}

/** [rows, columns], or the older "128x128". */
function blockOf(written: unknown): readonly [number, number] | null {
  const parts: readonly unknown[] = typeof written === 'string' ? written.split('x').map(Number) : Array.isArray(written) ? written : [];
  const [rows, columns] = parts;
  const sound = (size: unknown): size is number => Number.isSafeInteger(size) && Number(size) > 0;
  return parts.length === 2 && sound(rows) && sound(columns) ? [rows, columns] : null;
}

type SmallFloat = 'fp8_e4m3' | 'mxfp8' | 'nvfp4' | 'mxfp4';

/** Floats are told apart by their width and what shares a scale: NVFP4 has groups of 16 below a scale of the tensor, MX formats groups of 32. */
function floatOf({ bits, strategy, groupSize }: Args): SmallFloat {
  if (bits > 4) {
    return strategy === 'group' && groupSize === 32 ? 'mxfp8' : 'fp8_e4m3';
  }
  return strategy === 'tensor_group' || groupSize === 16 ? 'nvfp4' : 'mxfp4';
}

/** The removed actorder values that store an index for each column. */
export function reordersColumns(actorder: unknown): boolean {
  return actorder === 'group' || actorder === 'dynamic' || actorder === true;
}

export function weightsOf(args: Args): WeightRecipe {
  const grouped = (args.strategy === 'group' || args.strategy === 'tensor_group') && args.groupSize !== null && args.groupSize > 0;
  const symmetric = args.symmetric || args.float;
  return {
    dtype: args.float ? floatOf(args) : 'int',
    bits: args.bits,
    signed: true,
    symmetric,
    groupSize: grouped && args.groupSize !== null ? args.groupSize : -1,
    zeroPoint: symmetric ? 'none' : 'integer',
    descAct: reordersColumns(args.actorder),
    staticGroups: args.actorder === 'weight' || args.actorder === 'static',
    ...(args.strategy === 'block' ? { block: args.block } : {}),
  };
}

export function methodOf(weights: WeightRecipe): QuantMethod {
  switch (weights.dtype) {
    case 'fp8_e4m3':
      return 'fp8';
    case 'nvfp4':
    case 'mxfp4':
    case 'mxfp8':
      return weights.dtype;
    default:
      return 'rtn';
  }
}

const GRANULARITY: Readonly<Record<Strategy, ActivationRecipe['granularity']>> = {
  tensor: 'per_tensor',
  channel: 'per_channel',
  group: 'group',
  block: 'group',
  token: 'per_token',
  tensor_group: 'group',
  attn_head: 'per_tensor',
};

export function activationsOf(args: Args): ActivationRecipe {
  return {
    dtype: args.float ? floatOf(args) : 'int',
    bits: args.bits,
    symmetric: args.symmetric,
    granularity: GRANULARITY[args.strategy],
    dynamic: args.dynamic !== false,
  };
}

const CACHE: Readonly<Record<Strategy, KvCacheRecipe['strategy']>> = {
  tensor: 'per_tensor',
  channel: 'per_channel',
  group: 'group',
  block: null,
  token: 'per_token',
  tensor_group: 'group',
  attn_head: 'per_head',
};

export function cacheOf(args: Args): KvCacheRecipe {
  return {
    dtype: args.float ? (args.bits > 4 ? 'fp8_e4m3' : 'nvfp4') : 'int',
    bits: args.bits,
    method: null,
    symmetric: args.symmetric,
    strategy: CACHE[args.strategy],
    groupSize: args.groupSize !== null && args.groupSize > 0 ? args.groupSize : null,
  };
}
