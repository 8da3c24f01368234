// The phases that every job has: copying what stays as it is, and rounding, in bands where the method and the layout allow it and module by module elsewhere.
import { availableParallelism } from 'node:os';
import { dtypeBytes } from '../../checkpoint/dtype.ts';
import type { TensorInfo } from '../../checkpoint/header.ts';
import type { Method } from '../../methods/method.ts';
import { goesInBands, modulesAtOnce, roundedMatrix } from '../bands.ts';
import { copiedAtOnceBytes } from '../copy.ts';
import type { Layout } from '../layouts/layout.ts';
import type { PlannedModule } from '../plan.ts';
import { atOnce, type PhaseDemand } from './phase.ts';
import { roundDemand } from './round.ts';

export function copyDemand(copied: readonly TensorInfo[]): PhaseDemand {
  const largest = copied.reduce((most, tensor) => (tensor.bytes > most.bytes ? tensor : most), { name: 'nothing', bytes: 0 });
  const atOnceBytes = copied.reduce((sum, { bytes }) => sum + bytes, 0);
  const part = { what: 'a mapped piece', bytes: Math.min(atOnceBytes, copiedAtOnceBytes) };
  return { memory: () => ({ phase: 'copy', at: largest.name, parts: [part] }), advice: [] };
}

export function roundingDemands(method: Method, layout: Layout, modules: readonly PlannedModule[]): readonly PhaseDemand[] {
  const inBands = modules.filter((module) => goesInBands(method, layout, module));
  // What is solved in bands of rows is declared with the statistics that it needs (calibration/memory.ts).
  const whole = method.rowsApart === true ? [] : modules.filter((module) => !inBands.includes(module));
  return [
    ...(inBands.length === 0 ? [] : [atOnce(modulesAtOnce, roundDemand(inBands.map(roundedMatrix), availableParallelism()))]),
    ...(whole.length === 0 ? [] : [wholeDemand(whole)]),
  ];
}

/** V8 looks for unused buffers when this much was allocated since it last did (its soft limit for external memory). */
const uncollectedBytes = 64 * 2 ** 20;

/** The largest module, twice where another one begins while buffers are being collected, and what waits for that. */
function wholeDemand(modules: readonly PlannedModule[]): PhaseDemand {
  const need = (module: PlannedModule): number => module.source.weight.bytes + 2 * bufferBytes(module);
  const [first, ...rest] = modules;
  const largest = rest.reduce((most, module) => (most === undefined || need(module) > need(most) ? module : most), first);
  if (largest === undefined) throw new Error('no module to plan');
  const waiting = Math.min(
    uncollectedBytes,
    modules.reduce((total, module) => total + bufferBytes(module), 0),
  );
  const parts = [
    { what: 'mapped matrix', bytes: largest.source.weight.bytes },
    { what: 'codes and packed words', bytes: 2 * bufferBytes(largest) },
    { what: 'buffers not collected yet', bytes: waiting },
  ];
  return { memory: () => ({ phase: 'round', at: largest.module, parts }), advice: [] };
}

/** Codes, their copy with the other sign, packed words, and scales and zeros in f32 and as stored; a source that is not aligned is copied too, a transposed one twice in f32. */
function bufferBytes({ rows, cols, bytes, source: { weight, transposed } }: PlannedModule): number {
  return (transposed ? 10 : 2) * rows * cols + 2 * bytes + (weight.offset % dtypeBytes(weight.dtype) === 0 ? 0 : weight.bytes);
}
