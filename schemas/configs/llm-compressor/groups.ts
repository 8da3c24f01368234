// config_groups and kv_cache_scheme of a modifier, as compressed-tensors reads them.
import type { KvCacheRecipe } from '../../recipe/recipe.ts';
import { type Fields, isObject } from '../fields.ts';
import { cacheOf, readArgs } from '../hf-compressed-tensors/args.ts';
import { type Scheme, schemeOf } from './presets.ts';

export interface WeightGroup {
  readonly name: string;
  readonly scheme: Scheme;
}

/** The first group that quantizes weights. */
export function firstGroup(fields: Fields): WeightGroup | null {
  for (const [name, group] of Object.entries(fields.object('config_groups') ?? {})) {
    const scheme = isObject(group) ? schemeOf(group) : null;
    if (scheme !== null) {
      return { name, scheme };
    }
  }
  return null;
}

export function kvCacheOf(fields: Fields): KvCacheRecipe | null {
  const args = readArgs(fields.value['kv_cache_scheme']);
  return args === null ? null : cacheOf(args);
}

/** Names of presets in `scheme`: a text, or the keys of an object. */
export function presetsIn(fields: Fields): readonly string[] {
  const scheme = fields.value['scheme'];
  return typeof scheme === 'string' ? [scheme] : isObject(scheme) ? Object.keys(scheme) : [];
}
