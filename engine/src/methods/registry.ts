// Every quantization method this engine can run, by the id that recipes use: transforms, which rewrite a block's float weights, and methods that round them.
// A recipe is any number of transforms and one rounding method behind them. Adding one: its folder, and one line here.
import type { QuantMethod, Recipe } from '@quantwright/schemas/recipe/recipe';
import { EngineError } from '../errors.ts';
import { awq } from './awq/transform.ts';
import { asPlanes, bcq } from './bcq/method.ts';
import { gptq } from './gptq/method.ts';
import { instantQuant } from './instant_quant/method.ts';
import { llmInt8 } from './llm_int8/method.ts';
import type { Method } from './method.ts';
import { gptqQrazor, qrazor } from './qrazor/method.ts';
import { rtn } from './rtn/method.ts';
import { rtnOfTables } from './rtn/table4.ts';
import { smoothquant } from './smoothquant/transform.ts';
import { spqr } from './spqr/method.ts';
import { teq } from './teq/transform.ts';
import type { Transform } from './transform.ts';
import { unrounded } from './unrounded/method.ts';
import { w8a8Static } from './w8a8_static/method.ts';
import { lkd } from './zeroquant/lkd/transform.ts';
import { zeroquant } from './zeroquant/method.ts';
import { zeroquantStatic } from './zeroquant/static.ts';

export const methods: Readonly<Partial<Record<QuantMethod, Method>>> = {
  instant_quant: instantQuant,
  rtn: rtnOfTables,
  gptq,
  bcq,
  qrazor,
  spqr,
  zeroquant,
  w8a8_static: w8a8Static,
  llm_int8: llmInt8,
};

/** Methods one inside the other, which round as one. */
const nested: Readonly<Record<string, Method>> = {
  'gptq+qrazor': gptqQrazor,
  'rtn+bcq': asPlanes(rtn),
  'gptq+bcq': asPlanes(gptq),
  'instant_quant+bcq': asPlanes(instantQuant),
};

export const transforms: Readonly<Partial<Record<QuantMethod, Transform>>> = { smoothquant, awq, teq };

/** What rounds when a transform stands alone. */
const behindTransforms: Method = rtnOfTables;

export interface Pipeline {
  readonly transforms: readonly Transform[];
  readonly rounding: Method;
}

/** Throws kind `config` for methods that this engine cannot run, alone or in this order, naming those it can. */
export function pipelineOf(recipe: Recipe): Pipeline {
  const first = recipe.methods.findIndex((id) => transforms[id] === undefined);
  const before = first === -1 ? recipe.methods : recipe.methods.slice(0, first);
  const behind = first === -1 ? [] : recipe.methods.slice(first);
  const alone = recipe.saveFormat === 'safetensors' ? unrounded : behindTransforms;
  const rounding = roundingOf(behind, recipe.activations) ?? (behind.length === 0 && before.length > 0 ? alone : undefined);
  if (rounding === undefined) throw unknown(recipe);
  const late = before.find((name, index) => index > 0 && transforms[name]?.begin !== undefined);
  if (late !== undefined) throw refused(`${late} learns from the model as it is, and must come before ${before[0]}`);
  return { transforms: [...before.flatMap((name) => transforms[name] ?? []), ...trainingOf(rounding, recipe)], rounding };
}

/** What trains the weights for their rounding, once all other transforms have changed them. */
function trainingOf(rounding: Method, recipe: Recipe): readonly Transform[] {
  return rounding.id === 'zeroquant' && (recipe.zeroquant?.lkd ?? null) !== null ? [lkd] : [];
}

function roundingOf(behind: readonly QuantMethod[], activations: Recipe['activations']): Method | undefined {
  const [id, ...more] = behind;
  if (id === 'zeroquant' && more.length === 0 && activations?.dynamic === false) return zeroquantStatic;
  return more.length > 0 ? nested[behind.join('+')] : id === undefined ? undefined : methods[id];
}

/** The rounding method of a recipe. Throws as `pipelineOf`. */
export function methodOf(recipe: Recipe): Method {
  return pipelineOf(recipe).rounding;
}

function unknown(recipe: Recipe): EngineError {
  const asked = recipe.methods.join(' + ') || 'no method';
  const known = Object.keys(methods).join(', ');
  return refused(
    `this engine cannot run ${asked}; it runs one of: ${known}, ${Object.keys(nested).join(', ')}, with any of ${Object.keys(transforms).join(', ')} before it`,
  );
}

function refused(message: string): EngineError {
  return new EngineError('config', message, { findings: [{ code: 'QC017', message }] });
}
