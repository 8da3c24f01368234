// The stream of a quantization job: tensors that stay as they are, then block by block every linear quantized, packed and written. Methods with statistics see
// each block's inputs first. Memory holds one module at a time, and what calibration keeps.
import type { NativeBinding } from '@quantwright/native/binding';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import type { QuantizeProgress } from '@quantwright/schemas/rpc/engine';
import { createCalibrationBlocks } from '../calibration/blocks.ts';
import type { Calibration } from '../calibration/prepare.ts';
import { quantizeCalibratedBlock } from '../calibration/quantize-block.ts';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import type { PeakMemory } from '../jobs/peak-memory.ts';
import type { LayerInputs, Method, QuantizedMatrix } from '../methods/method.ts';
import { applyToModule } from './apply.ts';
import { copyTensors } from './copy.ts';
import type { Layout } from './layouts/layout.ts';
import type { OutputDirectory } from './output-directory.ts';
import type { PlannedModule, QuantizePlan } from './plan.ts';
import { createProgress, type JobProgress } from './progress.ts';
import { createSink, type ModuleRecord } from './sink.ts';

export interface Stream {
  readonly recipe: Recipe;
  readonly plan: QuantizePlan;
  readonly method: Method;
  readonly layout: Layout;
  readonly mapped: MappedCheckpoint;
  readonly output: OutputDirectory;
  readonly memory: PeakMemory;
  readonly binding: NativeBinding;
  /** Null: the method needs none. */
  readonly calibration: Calibration | null;
  readonly onProgress?: ((progress: QuantizeProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface StreamResult {
  readonly outputBytes: number;
  readonly sqnrDb: ReadonlyMap<string, number>;
  readonly warnings: readonly string[];
}

const othersPart = 'others';
const blockPart = (block: number): string => `block ${block}`;

export async function runStream(stream: Stream): Promise<StreamResult> {
  const { plan, output, onProgress, signal } = stream;
  const sink = await createSink(
    output.work,
    [
      { part: othersPart, tensors: plan.copied },
      ...plan.blocks.map((modules, block) => ({ part: blockPart(block), tensors: modules.flatMap((module) => module.tensors) })),
    ],
    output.resumed,
  );
  try {
    const progress = createProgress(plan, onProgress);
    const warnings = sink.finished.has(othersPart) ? [] : [...(await copyTensors(stream.mapped, plan.copied, sink, signal))];
    if (!sink.finished.has(othersPart)) await sink.finishPart(othersPart, []);
    const records: ModuleRecord[] = [];
    const calibrated = stream.calibration === null ? null : await calibratedBlocks(stream, stream.calibration, progress);
    for (const [block, modules] of plan.blocks.entries()) {
      const earlier = sink.finished.get(blockPart(block));
      if (earlier !== undefined) {
        records.push(...earlier);
        for (const module of modules) progress.skip(module);
        continue;
      }
      const done: ModuleRecord[] = [];
      const quantize = async (module: PlannedModule, inputs?: LayerInputs): Promise<QuantizedMatrix> => {
        signal?.throwIfAborted();
        const { matrix, data } = await applyToModule(stream.binding, stream.mapped, stream.method, stream.layout, module, inputs);
        for (const [index, tensor] of module.tensors.entries()) await sink.write(tensor.name, data[index] ?? new Uint8Array());
        stream.memory.sample();
        done.push({ module: module.module, sqnrDb: Number.isFinite(matrix.sqnrDb) ? matrix.sqnrDb : null });
        progress.finish(module, matrix.sqnrDb);
        return matrix;
      };
      if (calibrated === null) for (const module of modules) await quantize(module);
      else warnings.push(...(await calibrated(block, modules, quantize)));
      await sink.finishPart(blockPart(block), done);
      records.push(...done);
    }
    for (const file of sink.files) onProgress?.({ phase: 'write', file });
    await sink.finish();
    return { outputBytes: sink.fileBytes, sqnrDb: new Map(records.map(({ module, sqnrDb }) => [module, sqnrDb ?? Number.POSITIVE_INFINITY])), warnings };
  } catch (cause) {
    await sink.abort();
    throw cause;
  }
}

type QuantizeModule = (module: PlannedModule, inputs: LayerInputs) => Promise<QuantizedMatrix>;

/** Quantizes a block on what calibration saw of its inputs, and runs the sequences on through the result. Returns warnings. */
async function calibratedBlocks(
  { recipe, plan, mapped, binding, signal, memory }: Stream,
  { config, sequences }: Calibration,
  progress: JobProgress,
): Promise<(block: number, modules: readonly PlannedModule[], quantize: QuantizeModule) => Promise<readonly string[]>> {
  const blocks = await createCalibrationBlocks({
    binding,
    mapped,
    config,
    sequences,
    signal,
    onProgress: (block, done) => {
      memory.sample();
      progress.calibrate(block, done, sequences.length);
    },
  });
  return (block, modules, quantize) => {
    const linears = modules.map((planned) => ({ module: planned.module, cols: planned.cols, input: planned.source.input, planned }));
    return quantizeCalibratedBlock(block, linears, {
      binding,
      blocks,
      dampPercent: recipe.dampPercent,
      trueSequential: recipe.trueSequential,
      last: block === plan.blocks.length - 1,
      quantize: ({ planned }, inputs) => quantize(planned, inputs),
    });
  };
}
