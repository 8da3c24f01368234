// compression_training -> Recipe of the weights after training: the first group's target bits, other groups as overrides, and what no group names left alone.
import { baseRecipe } from '../../recipe/base-recipe.ts';
import type { JsonPath, Origins } from '../../recipe/origin.ts';
import type { ActivationRecipe, Recipe } from '../../recipe/recipe.ts';
import type { Lowered, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { setFix } from '../fixes.ts';
import { type Group, groupsOf, sharedOf } from './groups.ts';
import { scopeOf } from './modules.ts';

const SOURCE = 'deepspeedai/DeepSpeed deepspeed/compression/config.py';

export function lowerCompression(value: unknown, path: JsonPath): Lowered {
  const problems = [...weightProblems(value, path), ...layerProblems(value, path)];
  const shared = sharedOf(value, 'weight_quantization');
  const groups = groupsOf(value, 'weight_quantization');
  const [first] = groups;
  const bits = first?.params.integer('target_bits') ?? null;
  const origins = originsOf(path, first?.name ?? null, shared);
  if (shared.boolean('enabled') !== true || bits === null || bits < 1) {
    return { recipe: null, origins, problems };
  }
  const symmetric = shared.text('quantization_type') !== 'asymmetric';
  const quantizeGroups = shared.integer('quantize_groups') ?? 1;
  const beside = sharedOf(value, 'activation_quantization');
  const scope = scopeOf(groups, groupsOf(value, 'activation_quantization'), (group) => activationsOf(group, beside));
  const recipe: Recipe = {
    ...baseRecipe('deepspeed', 'deepspeed', ['zeroquant'], { bits, signed: symmetric, symmetric, zeroPoint: symmetric ? 'none' : 'integer' }),
    ...scope,
    variant: `quantize_groups ${quantizeGroups}`,
    zeroquant: { quantizeGroups, lkd: null },
    scaleType: 'f32',
    computeMethod: scope.activations === null ? 'weight_only' : 'activate_quant',
  };
  return { recipe, origins, problems };
}

function weightProblems(value: unknown, path: JsonPath): readonly LowerProblem[] {
  const shared = sharedOf(value, 'weight_quantization');
  if (shared.boolean('enabled') !== true) {
    return [];
  }
  const section = [...path, 'weight_quantization'];
  return groupsOf(value, 'weight_quantization').flatMap(({ name, params }): readonly LowerProblem[] => {
    const at = [...section, 'different_groups', name, 'params', 'target_bits'];
    const start = params.integer('start_bits');
    const target = params.integer('target_bits');
    if (start !== null && target !== null && target > start) {
      const message = `Group "${name}" goes from ${start} to ${target} bits; training can only lower them, so target_bits is at most start_bits.`;
      return [
        {
          code: 'QC021',
          path: at,
          on: 'value',
          message,
          source: SOURCE,
          fixes: [setFix(at, start), { ...setFix([...at.slice(0, -1), 'start_bits'], target), preferred: false }],
        },
      ];
    }
    if (target !== null && target >= 1 && target <= 2 && shared.text('quantization_type') === 'asymmetric') {
      const type = [...section, 'shared_parameters', 'quantization_type'];
      const message = `Group "${name}" has ${target}-bit weights, which DeepSpeed rounds symmetrically only; quantization_type is "asymmetric".`;
      return [
        {
          code: 'QC021',
          path: type,
          on: 'value',
          message,
          source: 'deepspeedai/DeepSpeed deepspeed/compression/basic_layer.py',
          fixes: [setFix(type, 'symmetric')],
        },
      ];
    }
    return [];
  });
}

function layerProblems(value: unknown, path: JsonPath): readonly LowerProblem[] {
  const reduction = fieldsOf(fieldsOf(value, []).object('layer_reduction'), []);
  const kept = reduction.integer('keep_number_layer');
  const teacher = reduction.value['teacher_layer'];
  if (reduction.boolean('enabled') !== true || kept === null || !Array.isArray(teacher) || teacher.length === kept) {
    return [];
  }
  const at = [...path, 'layer_reduction', 'keep_number_layer'];
  const message = `keep_number_layer is ${kept}, but teacher_layer lists ${teacher.length} layers; DeepSpeed wants as many as are kept.`;
  return [{ code: 'QC021', path: at, on: 'value', message, source: SOURCE, fixes: teacher.length === 0 ? [] : [setFix(at, teacher.length)] }];
}

/** Where a static range goes, tokens share it: deepspeed/compression/basic_layer.py :: QuantAct, a running range of the tensor. */
function activationsOf({ params }: Group, shared: Fields): ActivationRecipe | null {
  const bits = params.integer('bits');
  if (shared.boolean('enabled') !== true || bits === null) return null;
  const dynamic = shared.text('range_calibration') !== 'static';
  const symmetric = shared.text('quantization_type') !== 'asymmetric';
  return { bits, symmetric, granularity: dynamic ? 'per_token' : 'per_tensor', dynamic, rule: 'zeroquant' };
}

function originsOf(path: JsonPath, group: string | null, shared: Fields): Origins {
  const section = [...path, 'weight_quantization'];
  const bits = group === null ? section : [...section, 'different_groups', group, 'params', 'target_bits'];
  const place = (at: JsonPath, present = true): { readonly path: JsonPath; readonly present: boolean } => ({ path: at, present });
  const type = place([...section, 'shared_parameters', 'quantization_type'], Object.hasOwn(shared.value, 'quantization_type'));
  return {
    scheme: place(path),
    methods: place(section),
    weights: place(section),
    'weights.bits': place(bits),
    'weights.dtype': place(bits),
    'weights.signed': type,
    'weights.symmetric': type,
    'zeroquant.quantizeGroups': place([...section, 'shared_parameters', 'quantize_groups'], Object.hasOwn(shared.value, 'quantize_groups')),
    variant: place([...section, 'shared_parameters', 'quantize_groups'], Object.hasOwn(shared.value, 'quantize_groups')),
    overrides: place([...section, 'different_groups']),
    activations: place([...path, 'activation_quantization']),
    computeMethod: place([...path, 'activation_quantization']),
  };
}
