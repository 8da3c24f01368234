// config_groups as compressed-tensors reads them -> weights and activations of the first group that quantizes weights.
import type { ActivationRecipe, KvCacheRecipe, WeightRecipe } from '../../recipe/recipe.ts';
import { type Fields, fieldsOf, isObject } from '../fields.ts';
import type { Scheme } from './presets.ts';

export interface WeightGroup {
  readonly name: string;
  readonly scheme: Scheme;
}

export function firstGroup(fields: Fields): WeightGroup | null {
  for (const [name, group] of Object.entries(fields.object('config_groups') ?? {})) {
    const own = fieldsOf(group, []);
    const weights = own.object('weights') === null ? null : weightsOf(fieldsOf(own.object('weights'), []));
    if (weights !== null) {
      return {
        name,
        scheme: { weights, activations: own.object('input_activations') === null ? null : activationsOf(fieldsOf(own.object('input_activations'), [])) },
      };
    }
  }
  return null;
}

function weightsOf(args: Fields): Partial<WeightRecipe> | null {
  const bits = args.integer('num_bits') ?? (args.broken('num_bits', null) ? null : 8);
  const groupSize = args.integer('group_size') ?? -1;
  if (bits === null || bits < 1 || bits > 8 || groupSize === 0 || groupSize < -1) {
    return null;
  }
  const float = args.text('type') === 'float';
  const symmetric = float || (args.boolean('symmetric') ?? true);
  const block = blockOf(args.value['block_structure']);
  const dtype = !float ? 'int' : bits === 8 ? (groupSize === 32 ? 'mxfp8' : 'fp8_e4m3') : args.text('strategy') === 'tensor_group' ? 'nvfp4' : 'mxfp4';
  return { dtype, bits, groupSize, symmetric, zeroPoint: symmetric ? 'none' : 'integer', ...(block === null ? {} : { block }) };
}

function activationsOf(args: Fields): ActivationRecipe {
  const strategy = args.text('strategy') ?? 'tensor';
  const bits = args.integer('num_bits') ?? 8;
  return {
    ...(args.text('type') !== 'float' ? {} : { dtype: bits === 4 ? ('nvfp4' as const) : ('fp8_e4m3' as const) }),
    bits,
    symmetric: args.boolean('symmetric') ?? true,
    granularity: strategy === 'token' ? 'per_token' : strategy === 'group' || strategy === 'tensor_group' ? 'group' : 'per_tensor',
    dynamic: args.boolean('dynamic') ?? args.text('dynamic') === 'local',
  };
}

export function kvCacheOf(fields: Fields): KvCacheRecipe | null {
  const scheme = fields.object('kv_cache_scheme');
  if (scheme === null) {
    return null;
  }
  const args = fieldsOf(scheme, []);
  const strategies = { tensor: 'per_tensor', token: 'per_token', channel: 'per_channel', attn_head: 'per_head', group: 'group' } as const;
  const strategy = args.oneOf('strategy', ['tensor', 'token', 'channel', 'attn_head', 'group'] as const);
  return {
    dtype: args.text('type') === 'float' ? 'fp8_e4m3' : 'int',
    bits: args.integer('num_bits') ?? 8,
    method: null,
    symmetric: args.boolean('symmetric') ?? true,
    strategy: strategy === null ? null : strategies[strategy],
    groupSize: args.integer('group_size'),
  };
}

function blockOf(value: unknown): readonly [number, number] | null {
  const [rows, columns] = Array.isArray(value) ? value.map(Number) : typeof value === 'string' ? value.split('x').map(Number) : [];
  return rows !== undefined && columns !== undefined && rows > 0 && columns > 0 ? [rows, columns] : null;
}

/** Names of presets in `scheme`: a text, or the keys of an object. */
export function presetsIn(fields: Fields): readonly string[] {
  const scheme = fields.value['scheme'];
  return typeof scheme === 'string' ? [scheme] : isObject(scheme) ? Object.keys(scheme) : [];
}
