// Options of every command whose result is a run: where it is kept, or that it is not.
import type { RunModel, RunResult } from '@quantwright/schemas/runs/run';
import type { Command } from 'commander';
import { runContext, runModelOf } from '../../runs/context.ts';
import { findStore } from '../../runs/store.ts';
import type { Terminal } from '../terminal.ts';

export interface RunChoices {
  /** False: --no-run. */
  readonly run: boolean;
  readonly runs?: string;
}

export interface RunningMeasurement {
  /** Keeps the result as a run and says where; does nothing with --no-run. `modelDir`: null for kernels. `kvCache`: as --kv-cache spells it. */
  keep(result: RunResult, modelDir: string | null, kvCache?: string): Promise<void>;
}

export function withRunOptions(command: Command): Command {
  return command
    .option('--runs <dir>', 'folder of the run store (default: .quantwright/runs of the workspace)')
    .option('--no-run', 'do not keep the result in the run store');
}

/** Call it before the model is loaded. The arguments of this process repeat the run. */
export async function beginMeasurement(terminal: Terminal, choices: RunChoices): Promise<RunningMeasurement> {
  if (!choices.run) return { keep: async () => {} };
  const store = await findStore(process.cwd(), choices.runs);
  const context = runContext({ store, command: process.argv.slice(2), sweep: process.env['QUANTWRIGHT_SWEEP'] || undefined });
  return {
    keep: async (result, modelDir, kvCache = 'f32') => {
      const model: RunModel | null = modelDir === null ? null : await runModelOf(modelDir, kvCache, process.cwd());
      const run = await context.append(result, model);
      terminal.err(`run ${run.id}\n`);
    },
  };
}
