// Keys of the source that neither the recipe nor the converter has taken up: they are told, never dropped in silence.
import type { Source } from './conversion.ts';
import { SETTING_KEYS } from './losses.ts';

/** What a tool writes about its own file, which no other file needs: the method's name is the new file's own, the rest says when and by what it was made. */
const BOOKKEEPING = ['quant_method', 'quantization_status', 'global_compression_ratio', 'version', 'autoround_version', 'is_marlin_format'];

export function unreadKeys({ value, path, origins }: Source, carried: readonly string[]): readonly string[] {
  const read = new Set<string>([...BOOKKEEPING, ...SETTING_KEYS, ...carried]);
  for (const origin of Object.values(origins)) {
    const key = origin.present ? origin.path[path.length] : undefined;
    if (typeof key === 'string') {
      read.add(key);
    }
  }
  return Object.entries(value)
    .filter(([key, said]) => !read.has(key) && said !== null && said !== false && said !== '')
    .map(([key]) => `"${key}" has no counterpart in the new config.`);
}
