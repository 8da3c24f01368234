// What a run says besides its result: model, machine, command, time, peak memory. Commands begin a run before they load a model and append it when they have a
// result:
//   const run = beginRun({ store, command });
//   const result = await measure(...);
//   await run.append({ kind: 'ppl', result }, await runModelOf(modelDir, 'f32', workspace));
import { randomBytes } from 'node:crypto';
import { basename, isAbsolute, relative, resolve } from 'node:path';
import type { NativeBinding } from '@quantwright/native/binding';
import { type Run, type RunMachine, type RunModel, type RunResult, runFormat, runVersion } from '@quantwright/schemas/runs/run';
import { loadBinding } from '../jobs/binding.ts';
import { doctorMemory } from '../jobs/doctor.ts';
import { inspectPath } from '../jobs/inspect.ts';
import { watchPeakMemory } from '../jobs/peak-memory.ts';
import { version } from '../version.ts';
import { fingerprintOf } from './fingerprint.ts';
import { methodLabel } from './method-label.ts';
import { appendRun } from './store.ts';

export interface RunContext {
  /** Appends the run, with the time and the peak memory since it began. `model`: null for kernels. Returns the run. Throws kind `io` or `internal`. */
  append(result: RunResult, model: RunModel | null): Promise<Run>;
}

export interface RunBeginning {
  readonly store: string;
  /** Arguments of `quantwright` that repeat the run. */
  readonly command: readonly string[];
  /** Name of the sweep that the run belongs to. */
  readonly sweep?: string | undefined;
}

/** Call it before the model is loaded: time and peak memory count from here. */
export function runContext({ store, command, sweep }: RunBeginning): RunContext {
  const started = new Date();
  const clock = performance.now();
  const memory = watchPeakMemory();
  return {
    append: async (result, model) => {
      const run: Run = {
        ...result,
        format: runFormat,
        version: runVersion,
        id: runId(started, result.kind, model?.name ?? 'machine'),
        started: started.toISOString(),
        seconds: (performance.now() - clock) / 1000,
        quantwright: version,
        command,
        model,
        machine: machineOf(await loadBinding()),
        peakMemoryBytes: memory.peak(),
        ...(sweep === undefined ? {} : { sweep }),
      };
      await appendRun(store, run);
      return run;
    },
  };
}

/** `path`: a model directory or a GGUF file. `workspace`: the path is written relative to it where it is inside. Reads headers and samples, never all weights. */
export async function runModelOf(path: string, kvCache: string, workspace: string): Promise<RunModel> {
  const [inspected, files] = [await inspectPath(path), await fingerprintOf(path)];
  const absolute = resolve(path);
  const inside = relative(resolve(workspace), absolute);
  return {
    path: inside === '' || inside.startsWith('..') || isAbsolute(inside) ? absolute : inside.replaceAll('\\', '/'),
    name: basename(absolute),
    architecture: inspected.architecture,
    parameters: inspected.parameters,
    bytes: files.bytes,
    bitsPerWeight: inspected.bitsPerWeight,
    fingerprint: files.fingerprint,
    method: await methodLabel(path, inspected.quantization),
    kvCache,
  };
}

/** 20261123T120000Z-ppl-quill-16m-3f2a: sorts by time; the last digits keep runs of one second apart. */
export function runId(started: Date, kind: string, name: string): string {
  const time = started.toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '');
  const plain = name.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 80);
  return `${time}-${kind}-${plain}-${randomBytes(2).toString('hex')}`;
}

function machineOf(binding: NativeBinding): RunMachine {
  const { brand, level, threads } = binding.cpuInfo();
  return { cpu: brand, level, threads, memoryBytes: doctorMemory().totalBytes };
}
