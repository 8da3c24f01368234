// Settings of integer activations in three forms: a recipe's, config.json's (`activations` of a quantwright module), and the kernels'.
import { type ActivationBits, type ActivationSpec, dashinferActivations } from '@quantwright/native/activations';
import type { ActivationRecipe, ActivationRule } from '@quantwright/schemas/recipe/recipe';
import { EngineError } from '../errors.ts';
import { isJsonObject, type JsonObject } from './json-file.ts';
import { spell } from './spell.ts';

/** What calibration found for one module whose activations share a scale. */
export interface InputScale {
  readonly scale: number;
  /** Of unsigned codes. */
  readonly zero: number;
}

const rules: readonly ActivationRule[] = ['dashinfer', 'smoothquant', 'zeroquant', 'affine', 'llm_int8', 'qrazor'];
/** The threshold of LLM.int8(): arXiv 2208.07339, section 3.2. */
export const defaultThreshold = 6;

/** For the kernels. `found`: of static scales. Throws RangeError for settings that `activationProblem` names. */
export function activationSpec(recipe: ActivationRecipe, found: InputScale | null = null): ActivationSpec {
  const bits = activationBits(recipe.bits);
  const problem = activationProblem(recipe);
  if (bits === null || problem !== null) throw new RangeError(problem ?? `activations of ${recipe.bits} bits`);
  if (!recipe.dynamic) {
    if (found === null) throw new RangeError('static activations without a scale');
    return { kind: 'tensor', bits, ...found };
  }
  switch (recipe.rule) {
    case 'llm_int8':
      return { kind: 'outliers', threshold: recipe.threshold ?? defaultThreshold };
    case 'qrazor':
      return { kind: 'razored', bits: bits === 4 ? 4 : 8, baseBits: recipe.baseBits ?? 16, groupSize: recipe.groupSize ?? 32, rule: 'qllm' };
    default:
      return { kind: 'token', bits, rule: recipe.rule ?? dashinferActivations.rule, symmetric: recipe.symmetric };
  }
}

/** The settings that `activationSpec` makes this of, and the scale it was given. */
export function activationRecipe(spec: ActivationSpec): { readonly activations: ActivationRecipe; readonly inputScale?: InputScale } {
  switch (spec.kind) {
    case 'tensor': {
      const { bits, scale, zero } = spec;
      const symmetric = zero === 2 ** (bits - 1);
      return { activations: { bits, symmetric, granularity: 'per_tensor', dynamic: false, rule: 'affine' }, inputScale: { scale, zero } };
    }
    case 'outliers':
      return { activations: { ...plainActivations, rule: 'llm_int8', threshold: spec.threshold } };
    case 'razored':
      return { activations: { ...plainActivations, bits: spec.bits, rule: 'qrazor', baseBits: spec.baseBits, groupSize: spec.groupSize } };
    case 'token':
      return { activations: { ...plainActivations, bits: spec.bits, symmetric: spec.symmetric, rule: spec.rule } };
  }
}

/** Why no kernel quantizes activations so, and what to do; null when one does. */
export function activationProblem({ dtype = 'int', bits, symmetric, granularity, dynamic, rule = 'dashinfer' }: ActivationRecipe): string | null {
  if (dtype !== 'int') return `activations of ${dtype} need a GPU with 8-bit floats; use integers`;
  if (activationBits(bits) === null) return `activations of ${bits} bits: 2 to 8 can be computed with`;
  if (!dynamic) return granularity === 'per_tensor' ? null : 'static scales are one for the whole tensor; use per_tensor, or dynamic scales';
  if (granularity !== 'per_token') return `dynamic ${granularity} scales: the kernels make one for every token; use per_token`;
  if (rule === 'qrazor' && bits !== 4 && bits !== 8) return `qrazor keeps 4 or 8 bits of activations, not ${bits}`;
  const wanted = rule === 'affine' ? false : rule === 'zeroquant' ? symmetric : true;
  return symmetric === wanted ? null : `${rule} activations are ${wanted ? 'symmetric' : 'asymmetric'}`;
}

function activationBits(bits: number): ActivationBits | null {
  return ([2, 3, 4, 5, 6, 7, 8] as const).find((width) => width === bits) ?? null;
}

/** Undefined: DashInfer's, which config.json does not spell out. */
export function activationSettings(recipe: ActivationRecipe): JsonObject | undefined {
  const { bits, symmetric, granularity, dynamic, rule = 'dashinfer', threshold, baseBits, groupSize } = recipe;
  if (bits === 8 && symmetric && dynamic && granularity === 'per_token' && rule === 'dashinfer') return undefined;
  return {
    bits,
    symmetric,
    granularity,
    dynamic,
    rule,
    ...(threshold === undefined ? {} : { threshold }),
    ...(baseBits === undefined ? {} : { base_bits: baseBits }),
    ...(groupSize === undefined ? {} : { group_size: groupSize }),
  };
}

export const plainActivations: ActivationRecipe = { bits: 8, symmetric: true, granularity: 'per_token', dynamic: true };

/** Throws kind `checkpoint` for what the kernels do not do. */
export function parseActivations(value: unknown, where: string, file: string): ActivationRecipe {
  if (value === undefined) return plainActivations;
  const refuse = (why: string): never => {
    throw new EngineError('checkpoint', `${file}: ${where}: activations ${spell(value)} cannot be loaded: ${why}`, { file });
  };
  if (!isJsonObject(value)) return refuse('an object is needed');
  const rule = rules.find((known) => known === value['rule']);
  const { bits, symmetric, granularity, dynamic, threshold, base_bits: baseBits, group_size: groupSize } = value;
  if (typeof bits !== 'number' || rule === undefined || typeof symmetric !== 'boolean' || typeof dynamic !== 'boolean')
    return refuse('bits, rule, symmetric and dynamic are needed');
  if (granularity !== 'per_token' && granularity !== 'per_tensor') return refuse('granularity must be per_token or per_tensor');
  const recipe: ActivationRecipe = {
    bits,
    symmetric,
    granularity,
    dynamic,
    rule,
    ...(typeof threshold === 'number' ? { threshold } : {}),
    ...(baseBits === 8 || baseBits === 16 ? { baseBits } : {}),
    ...(typeof groupSize === 'number' ? { groupSize } : {}),
  };
  const problem = activationProblem(recipe);
  return problem === null ? recipe : refuse(problem);
}
