// Whether all linears of a model fit a layout, from their parameters alone; and the words where they do not.
import { type ConvertTarget, convertTargets } from '@quantwright/schemas/rpc/engine';
import { EngineError } from '../errors.ts';
import { commonGroup, type Fit, fit, type Parameters, parametersOf, type Repacked, withUsualGroup } from './fit.ts';
import type { ModelSource } from './model-source.ts';

/** Of every module. Throws kind `config` for weights that are no affine codes. */
export async function readParameters(source: ModelSource, signal: AbortSignal | undefined): Promise<readonly Parameters[]> {
  const all: Parameters[] = [];
  for (const module of source.modules) {
    signal?.throwIfAborted();
    const stored = await module.read();
    if (stored === null) {
      throw new EngineError(
        'config',
        `${source.path}: ${module.module} is stored as ${source.layout}, whose weights are no whole codes with a scale and a zero point, so every other layout would round them anew; quantize the original model`,
        { file: source.path, tensor: module.module },
      );
    }
    all.push(parametersOf(stored));
    module.release();
  }
  return all;
}

export function fitAll(format: Repacked, source: ModelSource, parameters: readonly Parameters[]): readonly Fit[] {
  const common = format === 'awq' ? commonGroup(parameters) : null;
  if (format === 'awq' && common === null) return source.modules.map(() => ({ why: 'no group size divides the groups of all modules' }));
  const all = withUsualGroup(parameters, format);
  const fits = source.modules.map((module, index): Fit => {
    const own = all[index];
    return own === undefined ? { why: 'its parameters were not read' } : fit(format, module, own, common);
  });
  // GPTQ's config has one flag for the whole model.
  const symmetric = fits.every((one) => 'plan' in one && one.plan.scheme.weights.symmetric);
  if (!format.startsWith('gptq')) return fits;
  return fits.map((one) =>
    'plan' in one ? { plan: { ...one.plan, scheme: { ...one.plan.scheme, weights: { ...one.plan.scheme.weights, symmetric } } } } : one,
  );
}

const named = 5;

export function refuseUnlessAll(source: ModelSource, to: Repacked, fits: readonly Fit[], parameters: readonly Parameters[]): void {
  const reasons = new Map<string, string[]>();
  for (const [index, one] of fits.entries()) {
    if ('why' in one) reasons.set(one.why, [...(reasons.get(one.why) ?? []), source.modules[index]?.module ?? '']);
  }
  if (reasons.size === 0) return;
  throw cannot(source, to, reasons, possibleTargets(source, parameters));
}

/** The error of a conversion that would have to round. `reasons`: modules by what keeps them. */
export function cannot(source: ModelSource, to: ConvertTarget, reasons: ReadonlyMap<string, readonly string[]>, possible: readonly string[]): EngineError {
  const lines = [...reasons].map(([why, modules]) => {
    const rest = modules.length > named ? ` and ${modules.length - named} more` : '';
    return `${modules.slice(0, named).join(', ')}${rest}: ${why}`;
  });
  const instead = possible.length === 0 ? '' : ` What holds all of them as they are: --to ${possible.join(', --to ')}.`;
  return new EngineError('config', `${source.path} cannot be written as ${to} without quantizing again. ${lines.join('. ')}.${instead}`, {
    file: source.path,
    ...(reasons.size === 0 ? {} : { tensor: [...reasons.values()][0]?.[0] }),
  });
}

export function possibleTargets(source: ModelSource, parameters: readonly Parameters[]): readonly ConvertTarget[] {
  return convertTargets.filter((to) => to !== 'gguf' && fitAll(to, source, parameters).every((one) => 'plan' in one));
}
