// One item of a task whose answer is generated and compared with what is right.
import type { Metric } from '@quantwright/schemas/runs/results';
import type { LikelihoodTask } from '../tasks/item.ts';

export type GenerationMetric = Extract<Metric['name'], 'exact_match' | 'exact_match_flexible' | 'contains'>;

export interface GenerationItem {
  /** Any of these is right; what is compared is the metric's business (grade.ts). */
  readonly expected: readonly string[];
  /** The answer ends before the first of these. */
  readonly stop: readonly string[];
  /** Longest answer, in tokens. */
  readonly maxTokens: number;
}

export interface GenerationTask {
  /** Of every item; the first is the one tables show. */
  readonly metrics: readonly GenerationMetric[];
  readonly items: readonly GenerationItem[];
  /** The same items as a question and its solution: what prompts and few-shot examples are made of. */
  readonly questions: LikelihoodTask;
}
