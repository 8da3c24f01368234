// `"smoothquant": {"alpha": "auto"}`: the alpha with which held-out calibration text has the least perplexity, for this model and its rounding.
// Deterministic: the same model, text and config give the same one.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NativeBinding, Weight } from '@quantwright/native/binding';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import type { AlphaCurve } from '@quantwright/schemas/rpc/engine';
import { type CalibrationPlace, prepareCalibration } from '../../calibration/prepare.ts';
import type { TransformedLinear } from '../../calibration/transform-block.ts';
import { openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { type MappedCheckpoint, mapCheckpoint } from '../../checkpoint/mapped.ts';
import { EngineError } from '../../errors.ts';
import { collectGarbage } from '../../jobs/collect-garbage.ts';
import { quantizedWeight } from '../../methods/integer-weight.ts';
import type { Method } from '../../methods/method.ts';
import { methods, pipelineOf } from '../../methods/registry.ts';
import { rtn } from '../../methods/rtn/method.ts';
import type { EditedBlock } from '../../methods/transform.ts';
import { pairsFor } from '../../methods/transform-pairs.ts';
import { denseSource, refuseNotFinite } from '../../pipeline/apply.ts';
import { transformedLinear } from '../../pipeline/calibrated.ts';
import type { JudgedJob } from '../../pipeline/judge.ts';
import { layoutOf } from '../../pipeline/layouts/registry.ts';
import { jobMemory, memoryRefusal } from '../../pipeline/memory/phase.ts';
import { type PlannedModule, planQuantization } from '../../pipeline/plan.ts';
import { modelSource } from '../../pipeline/source.ts';
import type { SearchHooks } from '../search.ts';
import { holdOut } from './held-out.ts';
import { measureAlphas } from './measure.ts';
import { type AlphaJob, type AlphaSettings, alphaDemand, alphaSettings } from './memory.ts';

/** 0.3 to 0.9 by 0.05. */
export const defaultAlphas: readonly number[] = Array.from({ length: 13 }, (_, index) => (30 + 5 * index) / 100);

export interface AlphaReport {
  readonly curve: AlphaCurve;
  readonly warnings: readonly string[];
}

export function asksForAlpha({ methods: named, smoothquant }: Recipe): boolean {
  return named.includes('smoothquant') && smoothquant?.alpha === 'auto';
}

/** Throws kind `config` behind a transform that learns, `input` where the text cannot be divided, and what planning, calibration and reading throw. */
export async function searchAlpha(
  job: JudgedJob,
  place: CalibrationPlace,
  { binding, signal, onProgress, memoryLimitBytes }: SearchHooks,
  divide: typeof holdOut = holdOut,
  settle: typeof withinLimit = withinLimit,
): Promise<AlphaReport> {
  // An ordinary checkpoint is smoothed for whoever rounds it: measured as our own layout would have it.
  const recipe: Recipe = job.recipe.saveFormat === 'safetensors' ? { ...job.recipe, saveFormat: 'quantwright' } : job.recipe;
  const { rounding: method, transforms } = pipelineOf(recipe);
  const smoothing = transforms.find(({ id }) => id === 'smoothquant');
  if (smoothing === undefined) throw new Error('the recipe has no smoothquant');
  refuseLearning(recipe, place.configPath);
  const calibration = await prepareCalibration(recipe, smoothing, place);
  const { config, sequences } = calibration;
  const alphas = [...new Set(recipe.smoothquant?.alphas ?? defaultAlphas)];
  const divided = divide(sequences);
  const checkpoint = await openCheckpoint(place.modelDir);
  const source = modelSource(job.model, checkpoint, false);
  const plan = planQuantization(recipe, method, layoutOf(recipe), source, pairsFor(transforms, config));
  const modules = new Map(plan.modules.map((planned) => [planned.module, planned]));
  const settings = settle({ config, blocks: plan.blocks, sequences: divided, alphas: alphas.length }, memoryLimitBytes, recipe, place.configPath);
  const mapped = mapCheckpoint(checkpoint, binding);
  const folder = settings.spill ? await mkdtemp(join(tmpdir(), 'quantwright-alpha-')) : null;
  try {
    const curve = await measureAlphas({
      binding,
      mapped,
      config,
      recipe,
      // What a block learns is not learnt anew for every alpha.
      transforms: transforms.filter(({ runsBlock }) => runsBlock !== true),
      linears: plan.blocks.map((planned) => planned.map(transformedLinear)),
      pairs: plan.pairs,
      alphas,
      sequences: divided,
      together: settings.together,
      spill: folder === null ? null : join(folder, 'hidden-states.bin'),
      quantized: (linear, edited) => rounded(binding, mapped, method, modules.get(linear.module), linear, edited),
      signal,
      onProgress: (done, of) => onProgress?.({ phase: 'search', partsDone: done, parts: of }),
    });
    return { curve, warnings: calibration.warnings };
  } finally {
    mapped.close();
    // What the job will plan its memory from.
    await collectGarbage();
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }
}

/** Throws kind `config` where even one alpha at a time is more than the limit. */
function withinLimit(job: AlphaJob, limit: number | undefined, recipe: Recipe, file: string): AlphaSettings {
  const demands = [alphaDemand(job)];
  const limitBytes = limit ?? recipe.memoryLimitBytes;
  const memory = jobMemory(demands, process.memoryUsage.rss(), limitBytes);
  const refusal = memoryRefusal(demands, memory, limitBytes);
  if (refusal !== null) throw new EngineError('config', `${file}: ${refusal}, or a number as alpha`, { file });
  return alphaSettings(job, memory.budgetBytes);
}

/** As the job rounds it; where that needs statistics of every alpha's inputs, by the nearest value of the same grid. */
async function rounded(
  binding: NativeBinding,
  mapped: MappedCheckpoint,
  method: Method,
  planned: PlannedModule | undefined,
  { module }: TransformedLinear,
  edited: EditedBlock,
): Promise<Weight> {
  if (planned === undefined) throw new Error(`${module} was not planned`);
  const { scheme, activations, source } = planned;
  const weights = { ...scheme.weights, descAct: false };
  const matrix = await standIn(method, planned).quantizeModule(binding, edited.matrices.get(module) ?? (await denseSource(mapped, source)), {
    ...scheme,
    weights,
  });
  refuseNotFinite(matrix, source.weight.name, source.weight.file);
  return binding.createWeight(quantizedWeight(matrix, activations === null || activations.dynamic ? activations : dynamic(activations)));
}

function standIn(method: Method, { scheme: { kind = 'affine' } }: PlannedModule): Method {
  if (method.needs.observe.length === 0) return method;
  return kind === 'qrazor' || kind === 'bcq' ? (methods[kind] ?? rtn) : rtn;
}

/** Static scales would have to be found for every alpha; a scale for every token stands for them. */
function dynamic(activations: NonNullable<Recipe['activations']>): NonNullable<Recipe['activations']> {
  return { ...activations, dynamic: true, granularity: 'per_token', rule: activations.symmetric ? 'smoothquant' : 'affine' };
}

function refuseLearning(recipe: Recipe, file: string): void {
  const { transforms } = pipelineOf(recipe);
  const learning = transforms.find(({ begin }) => begin !== undefined);
  if (learning === undefined) return;
  const message = `alpha "auto" is not searched behind ${learning.id}, which would have to be trained for every alpha; give smoothquant a number`;
  throw new EngineError('config', `${file}: ${message}`, { file, findings: [{ code: 'QC016', message }] });
}
