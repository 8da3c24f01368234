// What AWQ settings mean, whichever file holds them: names of the layouts and the recipe of the checkpoint.
import { nearestWord } from '../../check/nearest-word.ts';
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import type { LowerProblem } from '../config-format.ts';
import type { Fields } from '../fields.ts';
import { setFix } from '../fixes.ts';

/** The keys of one file. */
export interface AwqKeys {
  readonly bits: string;
  readonly groupSize: string;
  /** The first that is present counts. */
  readonly version: readonly string[];
}

/** Null when bits or group size cannot be read. */
export function awqRecipe(format: string, fields: Fields, keys: AwqKeys): Recipe | null {
  const bits = fields.integer(keys.bits) ?? (fields.broken(keys.bits, null) ? null : 4);
  const groupSize = fields.integer(keys.groupSize) ?? (fields.broken(keys.groupSize, null) ? null : 128);
  if (bits === null || bits < 1 || bits > 8 || groupSize === null || groupSize < -1 || groupSize === 0) {
    return null;
  }
  const symmetric = fields.boolean('zero_point') === false;
  const weights = { bits, groupSize, signed: false, symmetric, zeroPoint: symmetric ? ('none' as const) : ('integer' as const) };
  return { ...baseRecipe(format, 'awq', ['awq'], weights), variant: versionOf(fields, keys)?.name ?? 'gemm', lmHead: fields.boolean('lm_head') ?? false };
}

/** The layout in lower case, as both tools read it, and the key that holds it. */
export function versionOf(fields: Fields, keys: AwqKeys): { readonly key: string; readonly name: string } | null {
  for (const key of keys.version) {
    const name = fields.text(key);
    if (name !== null) {
      return { key, name: name.toLowerCase() };
    }
  }
  return null;
}

/** `known`: layouts the tool has; `gone`: layouts it once had, with what became of them. */
export function versionProblems(
  fields: Fields,
  keys: AwqKeys,
  path: JsonPath,
  tool: { readonly known: readonly string[]; readonly gone: Readonly<Record<string, string>>; readonly words: string; readonly source: string },
): readonly LowerProblem[] {
  const written = versionOf(fields, keys);
  if (written === null || tool.known.includes(written.name)) {
    return [];
  }
  const gone = Object.hasOwn(tool.gone, written.name) ? tool.gone[written.name] : undefined;
  const near = gone === undefined ? nearestWord(written.name, tool.known) : null;
  const at = [...path, written.key];
  return [
    {
      code: 'QC013',
      path: at,
      on: 'value',
      message: `"${written.key}" is ${JSON.stringify(fields.text(written.key))}; ${gone ?? `${tool.words} ${tool.known.join(', ')}.`}${near === null ? '' : ` Did you mean "${near}"?`}`,
      source: tool.source,
      fixes: [setFix(at, near ?? 'gemm')],
    },
  ];
}
