// Jobs of the engine process: at most one at a time for a key (a model directory), the others of that key wait in order; jobs that share (chats) run
// beside each other. Keys do not wait for each other. States are values that a report can show; the job's own result goes to its caller.
import { EngineError } from '../errors.ts';

export type JobState =
  | { readonly tag: 'queued' }
  | { readonly tag: 'running'; readonly startedAtMs: number }
  | { readonly tag: 'done' }
  | { readonly tag: 'failed'; readonly message: string }
  | { readonly tag: 'cancelled' };

export interface Job {
  readonly id: number;
  /** quantize, perplexity, chat ... */
  readonly kind: string;
  readonly key: string;
  readonly state: JobState;
}

export interface JobQueue {
  /** Queued and running jobs, oldest first. */
  readonly jobs: readonly Job[];
  isBusy(key: string): boolean;
  /** Rejects with what `body` throws, or with the signal's reason when the job is cancelled while it waits. shared: runs beside other shared jobs of the key. */
  run<T>(kind: string, key: string, signal: AbortSignal, body: (signal: AbortSignal) => Promise<T>, sharing?: 'alone' | 'shared'): Promise<T>;
  /** Cancels everything and waits until it has ended. New jobs are refused. */
  close(): Promise<void>;
}

/** Ends of a key's jobs: of the last that runs alone, and of all. */
interface Line {
  readonly alone: Promise<unknown>;
  readonly all: Promise<unknown>;
}

export function createJobQueue(nowMs: () => number = Date.now): JobQueue {
  const jobs = new Map<number, Job>();
  const lines = new Map<string, Line>();
  const closing = new AbortController();
  let nextId = 1;

  const run: JobQueue['run'] = async (kind, key, callerSignal, body, sharing = 'alone') => {
    if (closing.signal.aborted) throw new EngineError('busy', 'the engine is shutting down');
    const id = nextId++;
    const signal = AbortSignal.any([callerSignal, closing.signal]);
    const enter = (state: JobState): void => void jobs.set(id, { id, kind, key, state });
    enter({ tag: 'queued' });
    const line = lines.get(key) ?? { alone: Promise.resolve(), all: Promise.resolve() };
    const before = sharing === 'shared' ? line.alone : line.all;
    const result = (async () => {
      await untilAborted(before, signal);
      signal.throwIfAborted();
      enter({ tag: 'running', startedAtMs: nowMs() });
      return body(signal);
    })();
    // The next job of the key waits for both: a job that is cancelled while it waits must not let the next one overtake the running one.
    const all = Promise.allSettled([line.all, result]);
    const next: Line = { alone: sharing === 'shared' ? line.alone : all, all };
    lines.set(key, next);
    try {
      return await result;
    } finally {
      jobs.delete(id);
      void all.then(() => {
        if (lines.get(key) === next) lines.delete(key);
      });
    }
  };

  return {
    get jobs() {
      return [...jobs.values()];
    },
    isBusy: (key) => [...jobs.values()].some((job) => job.key === key && job.state.tag === 'running'),
    run,
    close: async () => {
      closing.abort(new DOMException('the engine is shutting down', 'AbortError'));
      await Promise.allSettled([...lines.values()].map(({ all }) => all));
    },
  };
}

async function untilAborted(before: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let stop: () => void = () => {};
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    signal.addEventListener('abort', stop, { once: true });
  });
  await Promise.race([before, aborted]);
  signal.removeEventListener('abort', stop);
}
