// A job whose config asks for a search becomes the job of the config that the search finds.
import { join } from 'node:path';
import type { QuantizeParams } from '@quantwright/schemas/rpc/engine';
import { type JudgedJob, judgeText } from '../pipeline/judge.ts';
import { type SearchHooks, searchRecipe } from './search.ts';

export interface SettledJob {
  readonly job: JudgedJob;
  /** What was searched for; null: nothing. It belongs into the output, as `recipe.quant.json`. */
  readonly foundText: string | null;
}

export const foundFile = 'recipe.quant.json';

/** `hooks` is asked for when there is something to search. */
export async function settleJob(job: JudgedJob, params: QuantizeParams, hooks: () => Promise<SearchHooks>): Promise<SettledJob> {
  const { search } = job.recipe;
  if (search === null || search === undefined) return { job, foundText: null };
  const { modelDir, configPath, calibrationPath, outDir } = params;
  const foundPath = join(outDir, foundFile);
  const place = { modelDir, configPath, foundPath, ...(calibrationPath === undefined ? {} : { calibrationPath }) };
  const found = await searchRecipe(job, search, place, await hooks());
  const judged = judgeText(foundPath, found.text, job.modelConfigText);
  return { job: { ...job, ...judged, warnings: [...new Set([...job.warnings, ...judged.warnings, ...found.warnings])] }, foundText: found.text };
}
