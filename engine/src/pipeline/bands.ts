// Modules that need no statistics go from the mapped source straight into the places of the output file, a band of rows at a time: no code is ever kept as
// a byte, and no matrix is in memory. The bytes are those that `applyToModule` and the layout's `pack` would write.
import type { NativeBinding, RtnPart, RtnTarget } from '@quantwright/native/binding';
import { dtypeBytes } from '../checkpoint/dtype.ts';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import { EngineError } from '../errors.ts';
import type { Method } from '../methods/method.ts';
import { notFiniteAt } from './apply.ts';
import type { Layout, LayoutPart } from './layouts/layout.ts';
import { bandsOf, type RoundedMatrix } from './memory/round.ts';
import type { PlannedModule } from './plan.ts';
import type { ModelSink } from './sink.ts';

export interface BandJob {
  readonly binding: NativeBinding;
  readonly mapped: MappedCheckpoint;
  readonly method: Method;
  readonly layout: Layout;
  readonly sink: ModelSink;
  /** What the rounding may hold beyond the process's base. */
  readonly budgetBytes: number;
}

/** One is computed while the words of the other go into the file. Without a limit: a budget that is shared makes their bands smaller. */
export const modulesAtOnce = 2;

/** Whether the module can be written so: its rounding looks at one row at a time, the layout says where the parts go, and the source lies in rows that kernels can read in place. */
export function goesInBands(method: Method, layout: Layout, module: PlannedModule): boolean {
  const { weight, transposed } = module.source;
  const aligned = weight.offset % dtypeBytes(weight.dtype) === 0;
  return aligned && !transposed && method.rowOptions?.(module.scheme, module.cols) !== undefined && (layout.parts?.(module) ?? null) !== null;
}

/** For modules of which `goesInBands` is true. Returns the SQNR in dB. Throws kind `checkpoint` for a weight that is not finite, `io` when the file cannot be written. */
export async function writeInBands(job: BandJob, module: PlannedModule): Promise<number> {
  const { weight } = module.source;
  const options = job.method.rowOptions?.(module.scheme, module.cols);
  const parts = job.layout.parts?.(module) ?? null;
  if (options === undefined || parts === null) throw new Error(`${module.module} cannot be rounded in bands`);
  const { target, constants } = placed(job, module, parts);
  try {
    for (const { name, bytes } of constants) await job.sink.write(name, bytes);
    const { sqnrDb, notFinite } = await job.binding.quantizeRtnToFile(job.mapped.dense(weight.name), options, target);
    if (notFinite !== null) throw notFiniteAt(notFinite, weight.name, weight.file);
    return sqnrDb;
  } catch (cause) {
    throw ioError(cause, target.parts[0]?.path ?? '');
  } finally {
    job.mapped.release(weight.name);
  }
}

/** The module as the memory plan sees it. */
export function roundedMatrix({ module, rows, cols, scheme, source, bytes }: PlannedModule): RoundedMatrix {
  const { groupSize } = scheme.weights;
  const groups = groupSize === -1 ? 1 : Math.ceil(cols / groupSize);
  return { module, rows, cols, groups, elementBytes: dtypeBytes(source.weight.dtype), packedBytes: bytes };
}

/** A full disk or a lost one, as an error that says so; everything else as it is. */
export function ioError(cause: unknown, file: string): unknown {
  if (!(cause instanceof Error && 'code' in cause && cause.code === 'QW_IO')) return cause;
  return new EngineError('io', cause.message, { file, cause });
}

interface Constant {
  readonly name: string;
  readonly bytes: Uint8Array;
}

function placed(job: BandJob, module: PlannedModule, parts: readonly LayoutPart[]): { readonly target: RtnTarget; readonly constants: readonly Constant[] } {
  const named = parts.map((part, index) => ({ part, name: module.tensors[index]?.name ?? '' }));
  const constants = named.flatMap(({ part, name }) => (part instanceof Uint8Array ? [{ name, bytes: part }] : []));
  const rows = named.flatMap(({ part, name }): RtnPart[] => (part instanceof Uint8Array ? [] : [{ form: part, ...job.sink.claim(name) }]));
  return { target: { parts: rows, ...bandsOf(roundedMatrix(module), job.budgetBytes / modulesAtOnce, job.binding.cpuInfo().threads) }, constants };
}
