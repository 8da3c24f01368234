// Quantizes a model directory, block by block: judge -> plan -> for every linear of every block: round, pack, write -> rename.
// Refuses before it reads a weight what can be refused then. Equal inputs give equal files; a cancelled or failed job leaves nothing behind.
import type { NativeBinding } from '@quantwright/native/binding';
import type { QuantizeParams, QuantizeProgress, QuantizeResult } from '@quantwright/schemas/rpc/engine';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { type MappedCheckpoint, mapCheckpoint } from '../checkpoint/mapped.ts';
import { EngineError } from '../errors.ts';
import { readTextFile } from '../eval/text-file.ts';
import { type PeakMemory, watchPeakMemory } from '../jobs/peak-memory.ts';
import type { Method } from '../methods/method.ts';
import { methodOf } from '../methods/registry.ts';
import { applyToModule } from './apply.ts';
import { copyTensors } from './copy.ts';
import { jobIdentity } from './identity.ts';
import { type JudgedJob, judgeJob } from './judge.ts';
import type { Layout } from './layouts/layout.ts';
import { layoutOf } from './layouts/registry.ts';
import { copyModelFiles, writeModelConfig } from './model-files.ts';
import { createOutputDirectory, type OutputDirectory } from './output-directory.ts';
import { checkMemoryLimit, planQuantization, type QuantizePlan } from './plan.ts';
import { createProgress } from './progress.ts';
import { createSink, type ModelSink, type ModuleRecord } from './sink.ts';
import { modelSource } from './source.ts';

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
  const job = await judgeJob(params.configPath, params.modelDir);
  const method = methodOf(job.recipe);
  const unused = await unusedCalibration(params.calibrationPath, method);
  const layout = layoutOf(job.recipe);
  const checkpoint = await openCheckpoint(params.modelDir);
  const plan = planQuantization(job.recipe, method, layout, modelSource(job.model, checkpoint, job.recipe.lmHead === true));
  checkMemoryLimit(plan, params.memoryLimitBytes ?? job.recipe.memoryLimitBytes);
  const binding = await hooks.loadBinding();
  hooks.signal?.throwIfAborted();
  const output = await createOutputDirectory({
    out: params.outDir,
    modelDir: params.modelDir,
    overwrite: params.overwrite ?? false,
    resume: params.resume ?? false,
    identity: await jobIdentity(job, checkpoint),
    bytes: plan.outputBytes,
  });
  const mapped = mapCheckpoint(checkpoint, binding);
  try {
    const stream = await runStream({ job, plan, method, layout, mapped, output, memory, binding, hooks });
    await copyModelFiles(params.modelDir, output.work);
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
      warnings: [...job.warnings, ...unused, ...plan.warnings, ...stream.warnings],
    };
  } finally {
    mapped.close();
    await output.abort();
  }
}

interface Stream {
  readonly job: JudgedJob;
  readonly plan: QuantizePlan;
  readonly method: Method;
  readonly layout: Layout;
  readonly mapped: MappedCheckpoint;
  readonly output: OutputDirectory;
  readonly memory: PeakMemory;
  readonly binding: NativeBinding;
  readonly hooks: QuantizeHooks;
}

interface StreamResult {
  readonly outputBytes: number;
  readonly sqnrDb: ReadonlyMap<string, number>;
  readonly warnings: readonly string[];
}

const othersPart = 'others';
const blockPart = (block: number): string => `block ${block}`;

async function runStream(stream: Stream): Promise<StreamResult> {
  const { plan, output, hooks } = stream;
  const sink = await createSink(
    output.work,
    [
      { part: othersPart, tensors: plan.copied },
      ...plan.blocks.map((modules, block) => ({ part: blockPart(block), tensors: modules.flatMap((module) => module.tensors) })),
    ],
    output.resumed,
  );
  try {
    const progress = createProgress(plan, hooks.onProgress);
    const warnings = sink.finished.has(othersPart) ? [] : await copyTensors(stream.mapped, plan.copied, sink, hooks.signal);
    if (!sink.finished.has(othersPart)) await sink.finishPart(othersPart, []);
    const records: ModuleRecord[] = [];
    for (const [block, modules] of plan.blocks.entries()) {
      const earlier = sink.finished.get(blockPart(block));
      if (earlier !== undefined) {
        records.push(...earlier);
        for (const module of modules) progress.skip(module);
        continue;
      }
      const done = await quantizeBlock(stream, sink, block, progress);
      await sink.finishPart(blockPart(block), done);
      records.push(...done);
    }
    for (const file of sink.files) hooks.onProgress?.({ phase: 'write', file });
    await sink.finish();
    return { outputBytes: sink.fileBytes, sqnrDb: new Map(records.map(({ module, sqnrDb }) => [module, sqnrDb ?? Number.POSITIVE_INFINITY])), warnings };
  } catch (cause) {
    await sink.abort();
    throw cause;
  }
}

async function quantizeBlock(stream: Stream, sink: ModelSink, block: number, progress: ReturnType<typeof createProgress>): Promise<readonly ModuleRecord[]> {
  const { plan, method, layout, mapped, memory, binding, hooks } = stream;
  const records: ModuleRecord[] = [];
  for (const module of plan.blocks[block] ?? []) {
    hooks.signal?.throwIfAborted();
    const applied = await applyToModule(binding, mapped, method, layout, module);
    for (const [index, tensor] of module.tensors.entries()) await sink.write(tensor.name, applied.data[index] ?? new Uint8Array());
    memory.sample();
    records.push({ module: module.module, sqnrDb: Number.isFinite(applied.sqnrDb) ? applied.sqnrDb : null });
    progress.finish(module, applied.sqnrDb);
  }
  return records;
}

/** Section 19 of the method notes, with the bytes that were really written: codes, scales, zeros and indices of the quantized linears. */
function bitsPerWeight(plan: QuantizePlan): number {
  const bytes = plan.modules.reduce((total, module) => total + module.bytes, 0);
  const weights = plan.modules.reduce((total, module) => total + module.rows * module.cols, 0);
  return (8 * bytes) / weights;
}

/** A calibration text that no method looks at must not seem to have had an effect. */
async function unusedCalibration(file: string | undefined, method: Method): Promise<readonly string[]> {
  if (file === undefined) return [];
  await readTextFile(file);
  return method.needs.observe.length > 0 ? [] : [`${method.id} needs no calibration; ${file} was not used`];
}

function refuseDevice(device: string | undefined): void {
  if (device === undefined || device === 'cpu') return;
  throw new EngineError('input', `device "${device}" is not available here: this build quantizes on the CPU; use --device cpu`);
}
