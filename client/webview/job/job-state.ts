// What the job view shows, as a value: reduced from the extension's messages. Pure; the view renders it and keeps only which curve is looked at.
import type { BlockTraining } from '@quantwright/schemas/rpc/engine';
import type { JobEnding, JobHead, ToJob, TrainStep } from '@quantwright/schemas/rpc/job-view';

/** The losses of one block, or (null) of all of them together, in the order of their steps. */
export interface Curve {
  readonly block: number | null;
  readonly blocks: number;
  readonly steps: number;
  readonly losses: readonly number[];
  /** Over sequences kept for comparison; known at the end. */
  readonly result: BlockTraining | null;
}

export interface JobState {
  /** False until the extension has said whether there is a job. */
  readonly known: boolean;
  readonly head: JobHead | null;
  readonly line: string;
  readonly percent: number;
  /** In the order in which they were begun. */
  readonly curves: readonly Curve[];
  readonly ending: JobEnding | null;
}

export const initialState: JobState = { known: false, head: null, line: '', percent: 0, curves: [], ending: null };

export function reduce(state: JobState, message: ToJob): JobState {
  switch (message.type) {
    case 'job': {
      if (message.job === null) return { ...initialState, known: true };
      const { head, progress, ending } = message.job;
      const begun: JobState = { ...initialState, known: true, head, line: progress.line, percent: progress.percent, curves: withSteps([], progress.steps) };
      return ending === null ? begun : ended(begun, ending);
    }
    case 'progress': {
      const { line, percent, steps } = message.progress;
      return { ...state, line, percent, curves: withSteps(state.curves, steps) };
    }
    case 'ending':
      return ended(state, message.ending);
  }
}

function withSteps(curves: readonly Curve[], added: readonly TrainStep[]): readonly Curve[] {
  if (added.length === 0) return curves;
  const byBlock = new Map(curves.map((curve) => [curve.block, { ...curve, losses: [...curve.losses] }]));
  for (const { block, blocks, steps, loss } of added) {
    const curve = byBlock.get(block) ?? { block, blocks, steps, losses: [], result: null };
    curve.losses.push(loss);
    byBlock.set(block, curve);
  }
  return [...byBlock.values()];
}

function ended(state: JobState, ending: JobEnding): JobState {
  const curves = state.curves.map((curve) => ({ ...curve, result: ending.training.find(({ block }) => block === curve.block) ?? null }));
  return { ...state, ending, percent: ending.state === 'done' ? 100 : state.percent, curves };
}

/** `block 3 of 8`, or `all 8 blocks`. */
export function curveName({ block, blocks }: Pick<Curve, 'block' | 'blocks'>): string {
  return block === null ? `all ${blocks} blocks` : `block ${block + 1} of ${blocks}`;
}

/** Mean of every ten losses up to a step: single steps see other sequences each, and jump. */
export function smoothed(losses: readonly number[], width = 10): readonly number[] {
  return losses.map((_, at) => {
    const window = losses.slice(Math.max(0, at - width + 1), at + 1);
    return window.reduce((sum, loss) => sum + loss, 0) / window.length;
  });
}

/** How far the loss has come: means of the first and last ten steps (or half of them, while there are fewer). */
export function ends({ losses }: Pick<Curve, 'losses'>): { readonly first: number; readonly last: number } {
  const width = Math.max(1, Math.min(10, Math.floor(losses.length / 2)));
  const mean = (part: readonly number[]): number => part.reduce((sum, loss) => sum + loss, 0) / part.length;
  return { first: mean(losses.slice(0, width)), last: mean(losses.slice(-width)) };
}

/** `63 % less`, `5 % more`, `the same`. */
export function changeWords(before: number, after: number): string {
  const percent = Math.round(100 * (after / before - 1));
  if (!Number.isFinite(percent) || percent === 0) return 'the same';
  return percent < 0 ? `${-percent} % less` : `${percent} % more`;
}

/** Three digits, wherever they stand. */
export function lossWords(loss: number): string {
  return loss !== 0 && (Math.abs(loss) < 1e-3 || Math.abs(loss) >= 1e4) ? loss.toExponential(2) : loss.toPrecision(3);
}
