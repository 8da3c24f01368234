// job view <-> extension: values over postMessage, one tagged union per direction. What a quantization job tells while it runs, and how it ended.
import type { AlphaCurve, BlockTraining } from './engine.ts';

export interface JobHead {
  /** Of the model, without its folder. */
  readonly model: string;
  readonly config: string;
  readonly outDir: string;
}

/** A step of training: of one block, counted from 0, or (null) of all of them together. */
export interface TrainStep {
  readonly block: number | null;
  readonly blocks: number;
  /** From 1. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
}

/** Where a running job is. */
export interface JobProgress {
  readonly line: string;
  /** 0 to 100. */
  readonly percent: number;
  /** Since the last message of this kind. */
  readonly steps: readonly TrainStep[];
}

export interface JobEnding {
  readonly state: 'done' | 'failed' | 'cancelled';
  /** What the notification says. */
  readonly words: string;
  readonly training: readonly BlockTraining[];
  readonly alphas: AlphaCurve | null;
  readonly warnings: readonly string[];
}

/** extension -> job view */
export type ToJob =
  /** Another job, or the same one for a view that has just opened: `progress.steps` are all of them. Null: there was none yet. */
  | { readonly type: 'job'; readonly job: { readonly head: JobHead; readonly progress: JobProgress; readonly ending: JobEnding | null } | null }
  | { readonly type: 'progress'; readonly progress: JobProgress }
  | { readonly type: 'ending'; readonly ending: JobEnding };

/** job view -> extension */
export type FromJob = { readonly type: 'ready' } | { readonly type: 'cancel' } | { readonly type: 'chat' } | { readonly type: 'reveal' };
