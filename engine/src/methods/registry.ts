// Every quantization method this engine can run, by the id that recipes use. Adding a method: its folder, and one line here.
import type { QuantMethod, Recipe } from '@quantwright/schemas/recipe/recipe';
import { EngineError } from '../errors.ts';
import { gptq } from './gptq/method.ts';
import { instantQuant } from './instant_quant/method.ts';
import type { Method } from './method.ts';
import { rtn } from './rtn/method.ts';

export const methods: Readonly<Partial<Record<QuantMethod, Method>>> = { instant_quant: instantQuant, rtn, gptq };

/** The method of a recipe. Throws kind `config` for one that this engine cannot run, naming those it can. */
export function methodOf(recipe: Recipe): Method {
  const [id, ...more] = recipe.methods;
  const method = id === undefined ? undefined : methods[id];
  if (method !== undefined && more.length === 0) return method;
  const asked = recipe.methods.join(' + ') || 'no method';
  const known = Object.keys(methods).join(', ');
  const message = `this engine cannot run ${asked}; it runs one of: ${known}`;
  throw new EngineError('config', message, { findings: [{ code: 'QC017', message }] });
}
