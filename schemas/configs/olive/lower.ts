// An Olive workflow -> Recipe of its first quantizing pass; what later passes do to the result has no place in a recipe.
import { baseRecipe } from '../../recipe/base-recipe.ts';
import { startAnchored } from '../../recipe/module-weights.ts';
import type { JsonPath, Origins } from '../../recipe/origin.ts';
import type { ActivationRecipe, Recipe, WeightRecipe } from '../../recipe/recipe.ts';
import type { Lowered } from '../config-format.ts';
import type { Quantizer } from './passes.ts';
import { workflowProblems } from './problems.ts';
import { type Step, stepsOf } from './steps.ts';

export function lowerWorkflow(workflow: unknown, path: JsonPath): Lowered {
  const problems = workflowProblems(workflow, path);
  const step = quantizingStep(workflow, path);
  return { recipe: step === null ? null : recipeOf(step), origins: step === null ? {} : originsOf(step), problems };
}

/** The first pass whose settings make a recipe. */
export function quantizingStep(workflow: unknown, path: JsonPath): Step | null {
  return stepsOf(workflow, path).find((step) => recipeOf(step) !== null) ?? null;
}

function recipeOf(step: Step): Recipe | null {
  const { quantizer, pass, settings } = step;
  if (quantizer !== null) {
    return fromQuantizer(step, quantizer);
  }
  if (pass === 'OnnxBnb4Quantization') {
    const name = settings.text('precision')?.toLowerCase();
    const dtype = name === 'fp4' || name === 'nf4' ? name : null;
    return dtype === null ? null : { ...baseRecipe('olive', 'olive', ['bitsandbytes'], { dtype, bits: 4, groupSize: 64 }), variant: pass };
  }
  if (pass === 'OnnxStaticQuantization') {
    return fromStatic(step);
  }
  return null;
}

function fromQuantizer({ settings, pass }: Step, quantizer: Quantizer): Recipe | null {
  const bits = settings.integer('bits') ?? (settings.broken('bits', null) ? null : quantizer.bits.default);
  const { key, default: usual } = quantizer.group;
  const groupSize = settings.integer(key) ?? (settings.broken(key, null) ? null : usual);
  if (bits === null || bits < 1 || bits > 8 || groupSize === null || groupSize < -1 || groupSize === 0) {
    return null;
  }
  const symmetric = isSymmetric(settings, quantizer);
  const weights: Partial<WeightRecipe> = {
    bits,
    signed: false,
    symmetric,
    groupSize,
    zeroPoint: symmetric ? 'none' : 'integer',
    descAct: settings.boolean('desc_act') ?? (quantizer.descAct === 'with -1' ? groupSize === -1 : quantizer.descAct),
    staticGroups: settings.boolean('static_groups') ?? false,
  };
  const skipped = settings.texts('modules_to_not_convert').map((name) => `.*${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);
  return {
    ...baseRecipe('olive', 'olive', [quantizer.method], weights),
    variant: pass,
    ignore: skipped.filter((pattern) => startAnchored(pattern) !== null),
    dampPercent: settings.number('damp_percent') ?? 0.01,
  };
}

function isSymmetric({ boolean }: Step['settings'], { symmetric }: Quantizer): boolean {
  const written = symmetric === null ? null : boolean(symmetric.key);
  return symmetric?.key === 'zero_point' && written !== null ? !written : (written ?? symmetric?.default ?? false);
}

function fromStatic({ settings, pass }: Step): Recipe | null {
  const weights = integers(settings.text('precision'));
  const activations = integers(settings.text('activation_type'));
  if (weights === null || activations === null) {
    return null;
  }
  const recipe: ActivationRecipe = { bits: activations.bits, symmetric: activations.signed, granularity: 'per_tensor', dynamic: false };
  return { ...baseRecipe('olive', 'olive', ['w8a8_static'], weights), variant: pass, activations: recipe, computeMethod: 'activate_quant' };
}

function integers(
  name: string | null,
): { readonly bits: number; readonly signed: boolean; readonly symmetric: boolean; readonly zeroPoint: 'none' | 'integer' } | null {
  const match = /^(u?)int(8|16)$/.exec(name?.toLowerCase() ?? '');
  const signed = match?.[1] === '';
  return match === null ? null : { bits: Number(match[2]), signed, symmetric: signed, zeroPoint: signed ? 'none' : 'integer' };
}

function originsOf({ settings, settingsPath, path, quantizer }: Step): Origins {
  const place = (key: string): { readonly path: JsonPath; readonly present: boolean } => ({
    path: [...settingsPath, key],
    present: Object.hasOwn(settings.value, key),
  });
  const type = { path: [...path, 'type'], present: true };
  const bits = place(quantizer === null ? 'precision' : 'bits');
  const symmetric = quantizer?.symmetric == null ? type : place(quantizer.symmetric.key);
  return {
    scheme: type,
    methods: type,
    variant: type,
    weights: type,
    'weights.bits': bits,
    'weights.dtype': bits,
    'weights.signed': symmetric,
    'weights.symmetric': symmetric,
    'weights.groupSize': quantizer === null ? type : place(quantizer.group.key),
    'weights.descAct': place('desc_act'),
    activations: place('activation_type'),
    computeMethod: type,
    ignore: place('modules_to_not_convert'),
    overrides: place('overrides'),
    dampPercent: place('damp_percent'),
    calibration: place('data_config'),
  };
}
