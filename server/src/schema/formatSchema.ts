// The schema that speaks about a path of a document: the format's schema, from where its config object stands in the file.

import type { JsonSchema } from '@quantwright/schemas/configs/json-schema';
import { findFormat } from '@quantwright/schemas/configs/registry';
import type { JsonPath } from '@quantwright/schemas/recipe/origin';
import type { Analysis } from '../document/analysis.ts';
import { child, membersAt, schemasAt } from './jsonSchema.ts';

export interface SchemaPlace {
  /** Sub-schemas about the path. */
  readonly schemas: readonly JsonSchema[];
  /** Members an object at the path may have. */
  readonly members: ReadonlyMap<string, readonly JsonSchema[]>;
}

/** null: the path lies outside the config object (elsewhere in a config.json), about which we say nothing. */
export function schemaAt(analysis: Analysis, path: JsonPath): SchemaPlace | null {
  const { result, input } = analysis;
  const format = result.format === null ? null : findFormat(result.format);
  const base = format?.match(input.fileName, result.tree)?.path;
  if (format === null || base === undefined || base.some((step, index) => path[index] !== step)) return null;
  const value = base.reduce<unknown>((outer, step) => child(outer, step), result.tree?.value);
  const inner = path.slice(base.length);
  return { schemas: schemasAt(format.schema, value, inner), members: membersAt(format.schema, value, inner) };
}
