// `activations` of a customized quant config -> how activations are quantized where they are, with the defaults of the method that rounds.
import type { JsonPath, Origins } from '../../recipe/origin.ts';
import type { ActivationRecipe, ActivationRule, QuantMethod } from '../../recipe/recipe.ts';
import { type Fields, fieldsOf } from '../fields.ts';
import { LLM_INT8_THRESHOLD } from './activation-methods.ts';

/** The first of them that is named decides how activations are rounded; without any, DashInfer's rule does. */
const DECIDING: readonly QuantMethod[] = ['w8a8_static', 'llm_int8', 'zeroquant', 'qrazor', 'smoothquant'];

/** `weightGroup`: of the weights, which QRazor's activations share. */
export function readActivations(fields: Fields, methods: readonly QuantMethod[], weightGroup: number): ActivationRecipe {
  const given = fieldsOf(fields.object('activations'), []);
  const method = DECIDING.find((one) => methods.includes(one)) ?? 'rtn';
  const symmetric = given.boolean('symmetric') ?? method !== 'w8a8_static';
  const dynamic = given.boolean('dynamic') ?? method !== 'w8a8_static';
  return {
    bits: given.integer('bits') ?? 8,
    symmetric,
    granularity: given.oneOf('granularity', ['per_token', 'per_tensor'] as const) ?? (dynamic ? 'per_token' : 'per_tensor'),
    dynamic,
    rule: ruleOf(method, symmetric && dynamic),
    ...(method === 'llm_int8' ? { threshold: fieldsOf(fields.object('llm_int8'), []).number('threshold') ?? LLM_INT8_THRESHOLD } : {}),
    ...(method === 'qrazor' ? { baseBits: given.integer('base_bits') === 8 ? (8 as const) : (16 as const), groupSize: weightGroup } : {}),
  };
}

/** Of an override: what it does not say is the recipe's; null: the modules' activations stay in floating point. Undefined: it says nothing. */
export function overriddenActivations(value: unknown, base: ActivationRecipe | null): ActivationRecipe | null | undefined {
  if (value === undefined || base === null) return undefined;
  if (value === null) return null;
  const given = fieldsOf(value, []);
  const symmetric = given.boolean('symmetric') ?? base.symmetric;
  const plain = symmetric && base.dynamic;
  const rule = base.rule === 'dashinfer' || base.rule === 'smoothquant' ? (plain ? base.rule : 'affine') : base.rule;
  return { ...base, bits: given.integer('bits') ?? base.bits, symmetric, ...(rule === undefined ? {} : { rule }) };
}

/** Places of settings that stand inside of other keys, where they do. */
export function activationOrigins(fields: Fields, path: JsonPath): Origins {
  const inner = (key: string): Fields | null => {
    const object = fields.object(key);
    return object === null ? null : fieldsOf(object, [...path, key]);
  };
  const activations = inner('activations');
  activations?.origin('activations.bits', 'bits');
  activations?.origin('activations.symmetric', 'symmetric');
  activations?.origin('activations.granularity', 'granularity');
  activations?.origin('activations.dynamic', 'dynamic');
  const smoothquant = inner('smoothquant');
  smoothquant?.origin('smoothquant.alpha', 'alpha');
  const zeroquant = inner('zeroquant');
  zeroquant?.origin('zeroquant.quantizeGroups', 'quantize_groups');
  zeroquant?.origin('zeroquant.lkd', 'lkd');
  const outliers = inner('llm_int8');
  outliers?.origin('activations.threshold', 'threshold');
  const observed = inner('w8a8_static');
  observed?.origin('w8a8Static', 'observer', 'percentile');
  return Object.assign({}, ...[activations, smoothquant, zeroquant, outliers, observed].map((one) => one?.origins() ?? {}));
}

/** `plain`: a scale for every token and no zero point. */
function ruleOf(method: QuantMethod, plain: boolean): ActivationRule {
  switch (method) {
    case 'llm_int8':
    case 'zeroquant':
    case 'qrazor':
      return method;
    case 'smoothquant':
      return plain ? 'smoothquant' : 'affine';
    default:
      return plain ? 'dashinfer' : 'affine';
  }
}
