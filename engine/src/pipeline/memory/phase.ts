// What the phases of a quantization job hold in memory, declared before the work: bytes beyond the process's base, as a function of the budget they may use.
// The plan shows them and refuses a job that cannot fit; the phase takes its settings (rows of a band, sequences at once, spilling) from the same function
// of the same budget, so that what was promised is what is done. Pure.

export interface MemoryPart {
  /** For people: "packed rows", "Hessian of down_proj". */
  readonly what: string;
  readonly bytes: number;
}

/** What one phase holds at once, at the module or block where that is most. */
export interface PhaseMemory {
  /** copy, round, embed, observe, solve, advance ... */
  readonly phase: string;
  /** lm_head, model.layers.3 */
  readonly at: string;
  readonly parts: readonly MemoryPart[];
}

/** A setting that would lower what a phase needs at least: `"calibration": {"sequence_length": 512}`, and what it needs then. */
export interface MemoryAdvice {
  readonly setting: string;
  readonly leastBytes: number;
}

export interface PhaseDemand {
  /** What it holds when it may use `budgetBytes` beyond the base (Infinity: as it likes). More than the budget: the budget is too small for it. */
  memory(budgetBytes: number): PhaseMemory;
  readonly advice: readonly MemoryAdvice[];
}

/** Phases that happen while each other's memory is held: their parts add up, and each may use what the others leave at least. */
export function together(phase: string, demands: readonly PhaseDemand[]): PhaseDemand {
  const [main] = demands;
  if (main === undefined) throw new Error('no phase to plan');
  const least = demands.map((demand) => phaseBytes(demand.memory(0)));
  const others = (index: number): number => least.reduce((sum, bytes, at) => (at === index ? sum : sum + bytes), 0);
  return {
    memory: (budgetBytes) => ({
      phase,
      at: main.memory(budgetBytes).at,
      parts: demands.flatMap((demand, index) => demand.memory(Math.max(0, budgetBytes - others(index))).parts),
    }),
    advice: demands.flatMap(({ advice }, index) => advice.map((one) => ({ ...one, leastBytes: one.leastBytes + others(index) }))),
  };
}

/** `count` of the same phase beside each other, sharing the budget. */
export function atOnce(count: number, demand: PhaseDemand): PhaseDemand {
  return {
    memory: (budgetBytes) => {
      const { phase, at, parts } = demand.memory(budgetBytes / count);
      return { phase, at, parts: parts.map(({ what, bytes }) => ({ what, bytes: count * bytes })) };
    },
    advice: demand.advice.map(({ setting, leastBytes }) => ({ setting, leastBytes: count * leastBytes })),
  };
}

export interface JobMemory {
  /** The process with the addon before the first phase. */
  readonly baseBytes: number;
  /** What phases may use beyond it; Infinity without a limit. */
  readonly budgetBytes: number;
  readonly phases: readonly PhaseMemory[];
  /** Base and the largest phase. */
  readonly peakBytes: number;
}

export function phaseBytes(memory: PhaseMemory): number {
  return memory.parts.reduce((sum, part) => sum + part.bytes, 0);
}

/** `limitBytes`: of the whole process; null = no limit. */
export function jobMemory(demands: readonly PhaseDemand[], baseBytes: number, limitBytes: number | null): JobMemory {
  const budgetBytes = limitBytes === null ? Number.POSITIVE_INFINITY : Math.max(0, limitBytes - baseBytes);
  const phases = demands.map((demand) => demand.memory(budgetBytes));
  return { baseBytes, budgetBytes, phases, peakBytes: baseBytes + Math.max(0, ...phases.map(phaseBytes)) };
}

/** Why the job cannot keep its limit and which settings would; null when it does. */
export function memoryRefusal(demands: readonly PhaseDemand[], memory: JobMemory, limitBytes: number | null): string | null {
  if (limitBytes === null || memory.peakBytes <= limitBytes) return null;
  const largest = memory.phases.reduce((worst, phase) => (phaseBytes(phase) > phaseBytes(worst) ? phase : worst));
  const parts = [...largest.parts].sort((a, b) => b.bytes - a.bytes).slice(0, 3);
  const advice = demands.flatMap((demand) => demand.advice).filter(({ leastBytes }) => memory.baseBytes + leastBytes <= limitBytes);
  const settings = [`a memory limit of ${mebibytes(memory.peakBytes)}`, ...advice.map(({ setting }) => setting)];
  return (
    `the job needs at least ${mebibytes(memory.peakBytes)}, more than the memory limit of ${mebibytes(limitBytes)}: ` +
    `${mebibytes(memory.baseBytes)} for the process and ${mebibytes(phaseBytes(largest))} to ${largest.phase} ${largest.at} ` +
    `(${parts.map(({ what, bytes }) => `${what} ${mebibytes(bytes)}`).join(', ')}); what would hold it: ${settings.join(', or ')}`
  );
}

/** Rounded up, as limits are. */
function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
