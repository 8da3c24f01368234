// What a job has told so far, kept for a view that opens late and handed on in batches. Pure.
import type { QuantizeProgress } from '@quantwright/schemas/rpc/engine';
import type { JobEnding, JobHead, JobProgress, ToJob, TrainStep } from '@quantwright/schemas/rpc/job-view';

export class JobRecord {
  readonly head: JobHead;
  ending: JobEnding | null = null;
  #line = '';
  #percent = 0;
  readonly #steps: TrainStep[] = [];
  /** Steps that `batch` has given out. */
  #told = 0;

  constructor(head: JobHead) {
    this.head = head;
  }

  /** `line` and `percent`: in words, as the notification has them; a percentage never falls. `progress`: null for what the engine did not tell. */
  add(line: string, percent: number, progress: QuantizeProgress | null): void {
    this.#line = line;
    this.#percent = Math.max(this.#percent, percent);
    if (progress?.phase !== 'train') return;
    const { block, blocks, step, steps, loss } = progress;
    this.#steps.push({ block, blocks, step, steps, loss });
  }

  get trains(): boolean {
    return this.#steps.length > 0;
  }

  /** All there is, for a view that knows nothing; `batch` goes on after it. */
  whole(): Extract<ToJob, { readonly type: 'job' }> {
    this.#told = this.#steps.length;
    return { type: 'job', job: { head: this.head, progress: this.#progress([...this.#steps]), ending: this.ending } };
  }

  /** What is new since the last batch. */
  batch(): Extract<ToJob, { readonly type: 'progress' }> {
    const steps = this.#steps.slice(this.#told);
    this.#told = this.#steps.length;
    return { type: 'progress', progress: this.#progress(steps) };
  }

  #progress(steps: readonly TrainStep[]): JobProgress {
    return { line: this.#line, percent: this.#percent, steps };
  }
}
