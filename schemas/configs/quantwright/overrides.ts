// `overrides` (ours) and `group_settings` (DashInfer) -> the recipe's module overrides, in the order of the file.
import { startAnchored } from '../../recipe/module-weights.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { ActivationRecipe, ModuleOverride, WeightRecipe } from '../../recipe/recipe.ts';
import type { LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf, isObject } from '../fields.ts';
import { parseWeightFormat } from '../weight-format.ts';
import { overriddenActivations } from './activations.ts';

/** `activations`: of the recipe, which overrides change. */
export function readOverrides(fields: Fields, path: JsonPath, problems: LowerProblem[], activations: ActivationRecipe | null): readonly ModuleOverride[] {
  const own = Object.entries(fields.object('overrides') ?? {}).map(([pattern, value]) => ({
    key: 'overrides',
    pattern,
    weights: readWeights(value),
    activations: overriddenActivations(isObject(value) ? value['activations'] : undefined, activations),
  }));
  const groups = Object.entries(fields.object('group_settings') ?? {}).map(([pattern, size]) => ({
    key: 'group_settings',
    pattern,
    weights: isGroupSize(size) ? { groupSize: size } : {},
    activations: undefined,
  }));
  return [...own, ...groups].flatMap(({ key, pattern, weights, activations }) => {
    if (startAnchored(pattern) === null) {
      problems.push({ code: 'QC025', path: [...path, key, pattern], message: `"${pattern}" is not a regular expression.` });
      return [];
    }
    return [{ pattern, weights, ...(activations === undefined ? {} : { activations }) }];
  });
}

function readWeights(value: unknown): Partial<WeightRecipe> {
  const fields = fieldsOf(value, []);
  const type = parseWeightFormat(fields.text('weight_format'));
  const groupSize = fields.integer('group_size');
  const symmetric = fields.boolean('symmetric') ?? fields.boolean('sym');
  return {
    ...(type ?? {}),
    ...(isGroupSize(groupSize) ? { groupSize } : {}),
    ...(symmetric === null ? {} : { symmetric, zeroPoint: symmetric ? ('none' as const) : ('integer' as const) }),
  };
}

function isGroupSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && (value === -1 || value > 0);
}
