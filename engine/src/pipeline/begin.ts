// What happens before the first block: transforms that learn from the whole model do so, and what they found stands for them from then on.
import type { Calibration } from '../calibration/prepare.ts';
import type { Transform } from '../methods/transform.ts';
import type { JobProgress } from './progress.ts';
import type { StreamOptions } from './stream.ts';

export async function beginTransforms(
  { recipe, plan, transforms, mapped, binding, memory, budgetBytes, signal }: StreamOptions,
  { config, sequences }: Calibration,
  progress: JobProgress,
): Promise<readonly Transform[]> {
  const started: Transform[] = [];
  for (const transform of transforms) {
    const begun = await transform.begin?.({
      binding,
      recipe,
      config,
      mapped,
      sequences,
      modules: plan.blocks,
      pairs: (layer) => (plan.pairs[layer] ?? []).filter((pair) => transform.uses(pair)),
      schemes: new Map(plan.modules.map(({ module, scheme }) => [module, scheme])),
      budgetBytes,
      onProgress: (block, step, of, loss) => {
        memory.sample();
        progress.train(block, step, of, loss);
      },
      signal,
    });
    started.push(begun === undefined ? transform : { ...transform, ...begun });
  }
  return started;
}
