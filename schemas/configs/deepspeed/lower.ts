// compression_training -> Recipe of the weights after training: the first group's target bits, the others as overrides.
import { baseRecipe } from '../../recipe/base-recipe.ts';
import { startAnchored } from '../../recipe/module-weights.ts';
import type { JsonPath, Origins } from '../../recipe/origin.ts';
import type { ActivationRecipe, ModuleOverride, Recipe } from '../../recipe/recipe.ts';
import type { Lowered, LowerProblem } from '../config-format.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { setFix } from '../fixes.ts';

const SOURCE = 'deepspeedai/DeepSpeed deepspeed/compression/config.py';

export interface Group {
  readonly name: string;
  readonly params: Fields;
  readonly modules: readonly string[];
}

export function lowerCompression(value: unknown, path: JsonPath): Lowered {
  const problems = [...weightProblems(value, path), ...layerProblems(value, path)];
  const shared = sharedOf(value, 'weight_quantization');
  const [first, ...others] = groupsOf(value, 'weight_quantization');
  const bits = first?.params.integer('target_bits') ?? null;
  const origins = originsOf(path, first?.name ?? null, shared);
  if (shared.boolean('enabled') !== true || first === undefined || bits === null || bits < 1) {
    return { recipe: null, origins, problems };
  }
  const symmetric = shared.text('quantization_type') !== 'asymmetric';
  const groups = shared.integer('quantize_groups');
  const activations = readActivations(value);
  const recipe: Recipe = {
    ...baseRecipe('deepspeed', 'deepspeed', ['zeroquant'], { bits, symmetric, zeroPoint: symmetric ? 'none' : 'integer' }),
    variant: groups === null ? null : `quantize_groups ${groups}`,
    activations,
    computeMethod: activations === null ? 'weight_only' : 'activate_quant',
    overrides: others.flatMap(overridesOf),
  };
  return { recipe, origins, problems };
}

export function sharedOf(value: unknown, section: string): Fields {
  return fieldsOf(fieldsOf(fieldsOf(value, []).object(section), []).object('shared_parameters'), []);
}

export function groupsOf(value: unknown, section: string): readonly Group[] {
  const groups = fieldsOf(fieldsOf(value, []).object(section), []).object('different_groups') ?? {};
  return Object.entries(groups).map(([name, group]) => {
    const fields = fieldsOf(group, []);
    return { name, params: fieldsOf(fields.object('params'), []), modules: fields.texts('modules') };
  });
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

function readActivations(value: unknown): ActivationRecipe | null {
  const shared = sharedOf(value, 'activation_quantization');
  const bits = groupsOf(value, 'activation_quantization')[0]?.params.integer('bits') ?? null;
  if (shared.boolean('enabled') !== true || bits === null) {
    return null;
  }
  const dynamic = shared.text('range_calibration') !== 'static';
  return { bits, symmetric: shared.text('quantization_type') !== 'asymmetric', granularity: dynamic ? 'per_token' : 'per_tensor', dynamic };
}

/** DeepSpeed searches the names for these patterns anywhere; "*" means all modules. */
function overridesOf({ params, modules }: Group): readonly ModuleOverride[] {
  const bits = params.integer('target_bits');
  const patterns = modules.map((pattern) => (pattern === '*' ? '.*' : `.*(?:${pattern})`));
  return bits === null || bits < 1 ? [] : patterns.filter((pattern) => startAnchored(pattern) !== null).map((pattern) => ({ pattern, weights: { bits } }));
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
    'weights.groupSize': place([...section, 'shared_parameters', 'quantize_groups'], Object.hasOwn(shared.value, 'quantize_groups')),
    variant: place([...section, 'shared_parameters', 'quantize_groups'], Object.hasOwn(shared.value, 'quantize_groups')),
    overrides: place([...section, 'different_groups']),
    activations: place([...path, 'activation_quantization']),
    computeMethod: place([...path, 'activation_quantization']),
  };
}
