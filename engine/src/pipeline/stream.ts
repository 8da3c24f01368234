// The stream of a quantization job: tensors that stay as they are, then block by block every linear quantized, packed and written. Methods with statistics see
// each block's inputs first. Memory holds one module at a time, and what calibration keeps.
import type { DenseSource, NativeBinding } from '@quantwright/native/binding';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import type { QuantizeProgress } from '@quantwright/schemas/rpc/engine';
import type { Calibration } from '../calibration/prepare.ts';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import type { PeakMemory } from '../jobs/peak-memory.ts';
import type { LayerInputs, Method } from '../methods/method.ts';
import type { Transform } from '../methods/transform.ts';
import { applyToModule } from './apply.ts';
import { calibrateStream } from './calibrated.ts';
import { copyTensors } from './copy.ts';
import type { Layout } from './layouts/layout.ts';
import type { OutputDirectory } from './output-directory.ts';
import type { PlannedModule, QuantizePlan } from './plan.ts';
import { createProgress } from './progress.ts';
import { createSink, type ModuleRecord, type PartRecord } from './sink.ts';

export interface Stream {
  readonly recipe: Recipe;
  readonly plan: QuantizePlan;
  readonly method: Method;
  readonly transforms: readonly Transform[];
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

/** Quantizes a module and writes it. `edited`: the matrix as transforms left it. */
export type QuantizeModule = (module: PlannedModule, inputs?: LayerInputs, edited?: DenseSource) => Promise<void>;

const othersPart = 'others';
const blockPart = (block: number): string => `block ${block}`;

export async function runStream(stream: Stream): Promise<StreamResult> {
  const { plan, output, onProgress, signal } = stream;
  const sink = await createSink(
    output.work,
    [
      { part: othersPart, tensors: plan.copied },
      ...plan.blocks.map((modules, block) => ({
        part: blockPart(block),
        tensors: [...(plan.rewritten[block] ?? []), ...modules.flatMap((module) => module.tensors)],
      })),
    ],
    output.resumed,
  );
  try {
    const progress = createProgress(plan, onProgress);
    const told = { modules: [] as ModuleRecord[], warnings: [] as string[] };
    const finish = async (part: string, record: PartRecord): Promise<void> => {
      if (!sink.finished.has(part)) await sink.finishPart(part, record);
      told.modules.push(...record.modules);
      told.warnings.push(...record.warnings);
    };
    const copied = sink.finished.get(othersPart) ?? { modules: [], warnings: await copyTensors(stream.mapped, plan.copied, sink, signal) };
    await finish(othersPart, copied);
    const calibrated = stream.calibration === null ? null : await calibrateStream(stream, stream.calibration, sink, progress);
    try {
      for (const [block, modules] of plan.blocks.entries()) {
        const earlier = sink.finished.get(blockPart(block));
        if (earlier !== undefined) {
          for (const module of modules) progress.skip(module);
          await calibrated?.skip(block);
          await finish(blockPart(block), earlier);
          continue;
        }
        const done: ModuleRecord[] = [];
        const quantize: QuantizeModule = async (module, inputs, edited) => {
          signal?.throwIfAborted();
          const { matrix, data } = await applyToModule(stream.binding, stream.mapped, stream.method, stream.layout, module, inputs, edited);
          for (const [index, tensor] of module.tensors.entries()) await sink.write(tensor.name, data[index] ?? new Uint8Array());
          stream.memory.sample();
          done.push({ module: module.module, sqnrDb: Number.isFinite(matrix.sqnrDb) ? matrix.sqnrDb : null });
          progress.finish(module, matrix.sqnrDb);
        };
        if (calibrated === null) for (const module of modules) await quantize(module);
        const warnings = (await calibrated?.quantize(block, modules, quantize)) ?? [];
        await finish(blockPart(block), { modules: done, warnings });
      }
    } finally {
      calibrated?.close();
    }
    for (const file of sink.files) onProgress?.({ phase: 'write', file });
    await sink.finish();
    const sqnrDb = new Map(told.modules.map((record) => [record.module, record.sqnrDb ?? Number.POSITIVE_INFINITY]));
    return { outputBytes: sink.fileBytes, sqnrDb, warnings: told.warnings };
  } catch (cause) {
    await sink.abort();
    throw cause;
  }
}
