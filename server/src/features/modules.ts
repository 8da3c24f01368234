// The modules of the model a config is for, and which of them a pattern in the config means. What a pattern means is not decided here: the
// format's own lowering turned it into a regular expression, in the order in which the patterns stand in the text.

import type { CheckResult } from '@quantwright/schemas/check/types';
import { modulesOf } from '@quantwright/schemas/checkpoint/linears';
import type { TensorTable } from '@quantwright/schemas/checkpoint/model-files';
import type { ModelShape } from '@quantwright/schemas/checkpoint/model-shape';
import { nodeAt } from '@quantwright/schemas/document/find';
import type { ConfigNode } from '@quantwright/schemas/document/node';
import { indicesOf } from '@quantwright/schemas/recipe/module-patterns';
import { startAnchored } from '@quantwright/schemas/recipe/module-weights';
import type { JsonPath } from '@quantwright/schemas/recipe/origin';
import type { Analysis } from '../document/analysis.ts';

const known = new WeakMap<TensorTable | ModelShape, readonly string[]>();

/** From the tensors beside the config; else the linears that the model's config implies. Empty: nothing is known of the model. */
export function modulesOfModel(analysis: Analysis): readonly string[] {
  const { model } = analysis.result;
  const table = analysis.conditions.files?.tensors ?? null;
  const source = table !== null && table.modules.length > 0 ? table : model;
  if (source === null) return [];
  const ready = known.get(source);
  if (ready !== undefined) return ready;
  const modules = 'modules' in source ? source.modules : source.linears.flatMap((linear) => (linear.kind === 'lm_head' ? ['lm_head'] : modulesOf(linear)));
  known.set(source, modules);
  return modules;
}

export type PatternField = 'ignore' | 'overrides';

export interface PatternPlace {
  readonly field: PatternField;
  readonly path: JsonPath;
}

/** Where patterns stand in the text. */
export function patternPlaces({ origins }: CheckResult): readonly PatternPlace[] {
  return (['ignore', 'overrides'] as const).flatMap((field) => {
    const origin = origins[field];
    return origin?.present === true ? [{ field, path: origin.path }] : [];
  });
}

export interface Pattern {
  /** The list item, or the member whose key the pattern is. */
  readonly node: ConfigNode;
  /** A regular expression from the start of the full module name. */
  readonly pattern: string;
}

/** The patterns that stand at a place; empty where they cannot be told apart (a lowering that merges or splits them). */
export function patternsAt({ tree, recipe }: CheckResult, { field, path }: PatternPlace): readonly Pattern[] {
  const node = nodeAt(tree, path);
  if (node === null || recipe === null) return [];
  const nodes = node.type === 'array' || node.type === 'object' ? node.children : [node];
  const patterns = field === 'ignore' ? recipe.ignore : recipe.overrides.map(({ pattern }) => pattern);
  if (patterns.length !== nodes.length) return [];
  return nodes.flatMap((one, index) => {
    const pattern = patterns[index];
    return pattern === undefined ? [] : [{ node: one, pattern }];
  });
}

/** Places of the modules that a pattern matches; null: what it means is not known. */
export function matchesFor({ pattern }: Pattern, modules: readonly string[]): readonly number[] | null {
  return startAnchored(pattern) === null ? null : indicesOf(pattern, modules);
}

export function countWords(count: number): string {
  return count === 0 ? 'no module' : count === 1 ? '1 module' : `${count} modules`;
}
