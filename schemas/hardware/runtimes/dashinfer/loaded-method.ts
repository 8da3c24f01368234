// The compute method a load really takes, where the config does not name one.
import type { ComputeMethod } from '../../../recipe/recipe.ts';
import type { JudgeInput } from '../../judge.ts';

/** A GPTQ checkpoint's own config does not name the compute method: DashInfer then takes A8W8 for 8 bits (algorithms section 2.5). */
export function loadedMethod(input: JudgeInput): ComputeMethod {
  const { recipe } = input;
  return input.intent === 'run' && recipe.methods[0] === 'gptq' && recipe.weights.bits === 8 ? 'activate_quant' : recipe.computeMethod;
}
