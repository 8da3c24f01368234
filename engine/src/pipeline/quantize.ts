// Quantizes a model directory, block by block: judge -> plan -> for every linear of every block: round, pack, write -> rename.
// Refuses before it reads a weight what can be refused then. Equal inputs give equal files; a cancelled or failed job leaves nothing behind.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NativeBinding } from '@quantwright/native/binding';
import type { QuantizeParams, QuantizeProgress, QuantizeResult } from '@quantwright/schemas/rpc/engine';
import { calibrationBytes, prepareCalibration } from '../calibration/prepare.ts';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { mapCheckpoint } from '../checkpoint/mapped.ts';
import { EngineError } from '../errors.ts';
import { readTextFile } from '../eval/text-file.ts';
import { watchPeakMemory } from '../jobs/peak-memory.ts';
import type { Method } from '../methods/method.ts';
import { pipelineOf } from '../methods/registry.ts';
import type { Transform } from '../methods/transform.ts';
import type { ModelConfig } from '../model/config.ts';
import { type ScalingPair, scalingPairs } from '../model/scaling-pairs.ts';
import { foundFile, settleJob } from '../search/settle.ts';
import { jobIdentity } from './identity.ts';
import { judgeJob } from './judge.ts';
import { layoutOf } from './layouts/registry.ts';
import { copyModelFiles, writeModelConfig } from './model-files.ts';
import { createOutputDirectory } from './output-directory.ts';
import { checkMemoryLimit, planQuantization, type QuantizePlan } from './plan.ts';
import { modelSource } from './source.ts';
import { runStream } from './stream.ts';

export interface QuantizeHooks {
  /** Called after everything that can be refused without it: a wrong config is told as such where the addon is missing too. */
  readonly loadBinding: () => Promise<NativeBinding>;
  readonly onProgress?: ((progress: QuantizeProgress) => void) | undefined;
  /** Looked at between modules; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Throws EngineError: `config` (refused, with findings), `input`, `checkpoint`, `io`, `busy`. */
export async function quantizeModel(params: QuantizeParams, hooks: QuantizeHooks): Promise<QuantizeResult> {
  const started = performance.now();
  const memory = watchPeakMemory();
  refuseDevice(params.device);
  const { job, foundText } = await settleJob(await judgeJob(params.configPath, params.modelDir), params, async () => ({
    ...hooks,
    binding: await hooks.loadBinding(),
  }));
  const { rounding: method, transforms } = pipelineOf(job.recipe);
  const asking = transforms[0] ?? (method.needs.observe.length === 0 ? null : method);
  const place = foundText === null ? params : { ...params, configPath: join(params.outDir, foundFile) };
  const calibration = asking === null ? null : await prepareCalibration(job.recipe, asking, place);
  const unused = calibration === null ? await unusedCalibration(params.calibrationPath, method) : [];
  const layout = layoutOf(job.recipe);
  const checkpoint = await openCheckpoint(params.modelDir);
  const planned = planQuantization(
    job.recipe,
    method,
    layout,
    modelSource(job.model, checkpoint, job.recipe.lmHead === true),
    calibration === null ? undefined : pairsFor(transforms, calibration.config),
  );
  const plan =
    calibration === null ? planned : { ...planned, peakMemoryBytes: planned.peakMemoryBytes + calibrationBytes(calibration, job.recipe, planned.blocks) };
  checkMemoryLimit(plan, params.memoryLimitBytes ?? job.recipe.memoryLimitBytes);
  const binding = await hooks.loadBinding();
  hooks.signal?.throwIfAborted();
  const output = await createOutputDirectory({
    out: params.outDir,
    modelDir: params.modelDir,
    overwrite: params.overwrite ?? false,
    resume: params.resume ?? false,
    identity: await jobIdentity(job, checkpoint, calibration?.sequences ?? null),
    bytes: plan.outputBytes,
  });
  const mapped = mapCheckpoint(checkpoint, binding);
  try {
    const stream = await runStream({ recipe: job.recipe, plan, method, transforms, layout, mapped, output, memory, binding, calibration, ...hooks });
    await copyModelFiles(params.modelDir, output.work);
    if (foundText !== null) await writeFile(join(output.work, foundFile), foundText);
    await writeModelConfig(params.modelDir, output.work, layout.config(job.recipe, plan.modules, plan.left));
    hooks.signal?.throwIfAborted();
    await output.commit();
    return {
      outDir: params.outDir,
      method: job.recipe.methods.join('+'),
      saveFormat: layout.format,
      inputBytes: checkpoint.fileBytes,
      outputBytes: stream.outputBytes,
      bitsPerWeight: bitsPerWeight(plan),
      seconds: (performance.now() - started) / 1000,
      peakMemoryBytes: memory.peak(),
      modules: plan.modules.map((module) => ({
        module: module.module,
        codec: layout.codec(module),
        bitsPerWeight: (8 * module.bytes) / (module.rows * module.cols),
        sqnrDb: stream.sqnrDb.get(module.module) ?? Number.POSITIVE_INFINITY,
      })),
      warnings: [...job.warnings, ...unused, ...(calibration?.warnings ?? []), ...plan.warnings, ...stream.warnings],
    };
  } finally {
    mapped.close();
    await output.abort();
  }
}

/** Section 19 of the method notes, with the bytes that were really written: codes, scales, zeros and indices of the quantized linears. */
function bitsPerWeight(plan: QuantizePlan): number {
  const bytes = plan.modules.reduce((total, module) => total + module.bytes, 0);
  const weights = plan.modules.reduce((total, module) => total + module.rows * module.cols, 0);
  return (8 * bytes) / weights;
}

/** Places of a block that one of the transforms rescales. The output matrix, which counts as a block, has none. */
function pairsFor(transforms: readonly Transform[], config: ModelConfig): (block: number) => readonly ScalingPair[] {
  return (block) => (block < config.shape.layers ? scalingPairs(config, block).filter((pair) => transforms.some((transform) => transform.uses(pair))) : []);
}

/** A calibration text that no method looks at must not seem to have had an effect. */
async function unusedCalibration(file: string | undefined, method: Method): Promise<readonly string[]> {
  if (file === undefined) return [];
  await readTextFile(file);
  return [`${method.id} needs no calibration; ${file} was not used`];
}

function refuseDevice(device: string | undefined): void {
  if (device === undefined || device === 'cpu') return;
  throw new EngineError('input', `device "${device}" is not available here: this build quantizes on the CPU; use --device cpu`);
}
