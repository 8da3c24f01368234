// Weights of QRazor: w = code * 2^shift * scale, a shift for every group of codes and a scale for every row (kernels/linear/qrazor).
//
//   codes   I32 [out, ceil(in * bits / 32)]    code + 2^(bits-1), packed along in
//   shifts  I32 [lines, ceil(n * f / 32)]      packed along a line in f bits: 3 on a base of 8 bits, 4 on one of 16. axis inputs: a line a row of
//                                              in / group_size shifts; outputs: a line for group_size rows, of in shifts
//   scale   F32 [out]
//
// With compute_method activate_quant in config.json, products are of integers: `activations` says how those of the inputs are made.
import type { ActivationSpec } from '@quantwright/native/activations';
import type { PackedBits, QrazorWeightSpec } from '@quantwright/native/binding';
import type { ActivationRecipe } from '@quantwright/schemas/recipe/recipe';
import { activationProblem, activationSettings, activationSpec, parseActivations } from '../../checkpoint/activations.ts';
import type { JsonObject } from '../../checkpoint/json-file.ts';
import { packedWords } from '../../checkpoint/layouts.ts';
import type { MappedCheckpoint } from '../../checkpoint/mapped.ts';
import { expectTensor, type LinearPlace, storedCodes } from '../../checkpoint/quantized/stored.ts';
import { spell } from '../../checkpoint/spell.ts';
import { EngineError } from '../../errors.ts';
import type { ModulePlan } from '../../pipeline/layouts/layout.ts';
import type { Kind } from '../kind.ts';

/** What the shapes of its tensors follow from. */
export interface QrazorForm {
  readonly bits: 3 | 4 | 8;
  readonly baseBits: 8 | 16;
  readonly groupSize: number;
  readonly axis: 'inputs' | 'outputs';
}

export const qrazorSuffix = { codes: 'codes', shifts: 'shifts', scale: 'scale' } as const;
export const groupSizes = [8, 16, 32, 64, 128] as const;

/** Bits of a stored shift. */
export function shiftBits({ baseBits }: QrazorForm): 3 | 4 {
  return baseBits === 8 ? 3 : 4;
}

/** [lines, shifts of a line] */
export function shiftShape({ axis, groupSize }: QrazorForm, rows: number, cols: number): readonly [number, number] {
  return axis === 'inputs' ? [rows, cols / groupSize] : [Math.ceil(rows / groupSize), cols];
}

/** Of a recipe whose settings the judge let pass. Only GPTQ can have groups along outputs; they are its default. */
export function formOf({ scheme: { weights, recipe } }: Pick<ModulePlan, 'scheme'>): QrazorForm {
  const inside = recipe?.methods.includes('gptq') === true;
  return {
    bits: weights.bits as QrazorForm['bits'],
    baseBits: recipe?.qrazor?.baseBits ?? 8,
    groupSize: weights.groupSize,
    axis: inside ? (recipe.qrazor?.groupAxis ?? 'outputs') : 'inputs',
  };
}

export const qrazorKind: Kind = {
  id: 'qrazor',

  refusal(plan) {
    const { bits, groupSize, axis } = formOf(plan);
    const activations = plan.activations === null ? null : activationRefusal(plan.activations, plan.cols);
    if (activations !== null) return activations;
    if (![3, 4, 8].includes(bits)) return `qrazor keeps 3, 4 or 8 bits, not ${bits}: use weight_format int4`;
    if (!groupSizes.some((size) => size === groupSize)) return `qrazor has groups of ${groupSizes.join(', ')}, not of ${groupSize}`;
    if (axis === 'inputs' && plan.cols % groupSize !== 0)
      return `groups of ${groupSize} do not divide its ${plan.cols} inputs; use ${groupSizes.filter((size) => plan.cols % size === 0).at(-1) ?? 'another method'}`;
    return null;
  },

  tensors(plan) {
    const form = formOf(plan);
    const [lines, count] = shiftShape(form, plan.rows, plan.cols);
    return [
      { suffix: qrazorSuffix.codes, dtype: 'I32', shape: [plan.rows, packedWords(plan.cols, form.bits)] },
      { suffix: qrazorSuffix.shifts, dtype: 'I32', shape: [lines, packedWords(count, shiftBits(form))] },
      { suffix: qrazorSuffix.scale, dtype: 'F32', shape: [plan.rows] },
    ];
  },

  settings(plan) {
    const { baseBits, axis } = formOf(plan);
    const common = { base_bits: baseBits, group_axis: axis, rule: plan.scheme.recipe?.qrazor?.rule ?? 'qllm' };
    if (plan.activations === null) return common;
    const activations = activationSettings(plan.activations);
    return { ...common, compute_method: 'activate_quant', ...(activations === undefined ? {} : { activations }) };
  },

  read: readQrazor,
  codec: (plan) => (plan.activations === null ? 'qrazor' : 'qrazor_int8'),
};

/** Why no product of razored weights takes such activations, and what to do; null when one does. */
function activationRefusal(activations: ActivationRecipe, cols: number): string | null {
  const problem = activationProblem(activations);
  if (problem !== null) return problem;
  if (!activations.dynamic) return 'static activations have no place beside qrazor weights; use dynamic ones';
  if (activations.rule === 'llm_int8') return 'activations of llm_int8 are for 8-bit weights per channel, not for those of qrazor';
  const { rule, groupSize = 32 } = activations;
  if (rule !== 'qrazor') return null;
  if (!groupSizes.some((size) => size === groupSize)) return `razored activations have groups of ${groupSizes.join(', ')}, not of ${groupSize}`;
  if (cols % groupSize === 0) return null;
  return `activations razored by groups of ${groupSize} do not divide its ${cols} inputs; use ${groupSizes.filter((size) => cols % size === 0).at(-1) ?? 'weight_only'}`;
}

/** Of activations beside razored weights: those that are razored follow the rule of the weights. */
export function qrazorActivations(activations: ActivationRecipe, rule: 'qllm' | 'original'): ActivationSpec {
  const spec = activationSpec(activations);
  return spec.kind === 'razored' ? { ...spec, rule } : spec;
}

async function readQrazor(mapped: MappedCheckpoint, { module, rows, cols }: LinearPlace, settings: JsonObject): Promise<QrazorWeightSpec> {
  const form = storedForm(settings, module, cols);
  const [lines, count] = shiftShape(form, rows, cols);
  const bits = shiftBits(form);
  const codes = expectTensor(mapped, `${module}.${qrazorSuffix.codes}`, ['I32', 'U32'], [rows, packedWords(cols, form.bits)]);
  const shifts = expectTensor(mapped, `${module}.${qrazorSuffix.shifts}`, ['I32', 'U32'], [lines, packedWords(count, bits)]);
  const scale = expectTensor(mapped, `${module}.${qrazorSuffix.scale}`, ['F32'], [rows]);
  return {
    codec: 'qrazor',
    rows,
    cols,
    ...form,
    codes: storedCodes(mapped, codes.name, 'rows', form.bits, true),
    shifts: unpackRows(mapped.read(shifts.name), lines, count, bits),
    scale: await mapped.floats(scale.name),
    ...storedActivations(settings, module, cols),
  };
}

function storedActivations(settings: JsonObject, module: string, cols: number): Pick<QrazorWeightSpec, 'activations'> {
  const compute = settings['compute_method'] ?? 'weight_only';
  if (compute === 'weight_only') return {};
  const refuse = (why: string): never => {
    throw new EngineError('checkpoint', `${module}: ${why}`, { tensor: module });
  };
  if (compute !== 'activate_quant') return refuse(`compute_method of its qrazor weights is ${spell(compute)}; it must be weight_only or activate_quant`);
  const recipe = parseActivations(settings['activations'], module, 'config.json');
  const refusal = activationRefusal(recipe, cols);
  return refusal === null ? { activations: qrazorActivations(recipe, settings['rule'] === 'original' ? 'original' : 'qllm') } : refuse(refusal);
}

/** Codes of `bits` from words along a line [lines, ceil(count * bits / 32)], little endian: shifts are few, and are read once. */
export function unpackRows(bytes: Uint8Array, lines: number, count: number, bits: PackedBits): Uint8Array {
  const words = packedWords(count, bits) * 4;
  const out = new Uint8Array(lines * count);
  for (let line = 0; line < lines; line++) {
    for (let index = 0; index < count; index++) {
      const at = index * bits;
      const byte = line * words + (at >> 3);
      // A field may run into the next byte; in the last byte of a line it does not.
      const two = (bytes[byte] ?? 0) | ((at & 7) + bits > 8 ? (bytes[byte + 1] ?? 0) << 8 : 0);
      out[line * count + index] = (two >> (at & 7)) & ((1 << bits) - 1);
    }
  }
  return out;
}

function storedForm(settings: JsonObject, module: string, cols: number): QrazorForm {
  const bits = ([3, 4, 8] as const).find((width) => width === settings['bits']);
  const baseBits = ([8, 16] as const).find((width) => width === settings['base_bits']);
  const groupSize = groupSizes.find((size) => size === settings['group_size']);
  const axis = (['inputs', 'outputs'] as const).find((name) => name === settings['group_axis']);
  const no = (key: string, wanted: string): never => {
    throw new EngineError('checkpoint', `${module}: ${key} of its qrazor weights is ${spell(settings[key])}; it must be ${wanted}`, { tensor: module });
  };
  if (bits === undefined) return no('bits', '3, 4 or 8');
  if (baseBits === undefined) return no('base_bits', '8 or 16');
  if (groupSize === undefined) return no('group_size', groupSizes.join(', '));
  if (axis === undefined) return no('group_axis', 'inputs or outputs');
  if (axis === 'inputs' && cols % groupSize !== 0) return no('group_size', `a divisor of its ${cols} inputs`);
  return { bits, baseBits, groupSize, axis };
}
