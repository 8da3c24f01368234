// Keeps one engine alive for the extension: starts it at the first request, restarts it with back-off after a crash, and tells what was lost.
// The engine's crash never becomes the editor's: every request that was running rejects with EngineStoppedError.

import type { EngineErrorData } from '@quantwright/schemas/rpc/errors';
import {
  type CancellationToken,
  type Disposable,
  Emitter,
  type Event,
  type ProgressType,
  type RequestParam,
  type RequestType,
  type RequestType0,
} from 'vscode-jsonrpc/node';
import { afterCrash, type CrashHistory, noCrashes } from './back-off.ts';
import { connectionIsGone, EngineStoppedError, EngineUnavailableError } from './engine-error.ts';
import type { RunningEngine } from './engine-process.ts';

export type EngineState =
  | { readonly tag: 'stopped' }
  | { readonly tag: 'starting' }
  | { readonly tag: 'running'; readonly engine: RunningEngine }
  | { readonly tag: 'waiting'; readonly delayMs: number; readonly reason: string }
  | { readonly tag: 'failed'; readonly reason: string };

export interface EngineCrash {
  readonly reason: string;
  /** Labels of the requests that were running. */
  readonly lost: readonly string[];
  readonly willRestart: boolean;
}

export interface RequestOptions<Progress> {
  /** What the user would call this job: "quantizing quill-16m". Told when a crash loses it. */
  readonly label: string;
  readonly token?: CancellationToken;
  readonly progress?: { readonly type: ProgressType<Progress>; readonly token: string; readonly report: (value: Progress) => void };
}

export class EngineSupervisor implements Disposable {
  readonly #launch: () => Promise<RunningEngine>;
  readonly #stateChanged = new Emitter<EngineState>();
  readonly #crashed = new Emitter<EngineCrash>();
  readonly #running = new Set<string>();
  #state: EngineState = { tag: 'stopped' };
  #history: CrashHistory = noCrashes;
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(launch: () => Promise<RunningEngine>) {
    this.#launch = launch;
  }

  get state(): EngineState {
    return this.#state;
  }

  get onDidChangeState(): Event<EngineState> {
    return this.#stateChanged.event;
  }

  get onDidCrash(): Event<EngineCrash> {
    return this.#crashed.event;
  }

  /** Starts the engine when there is none. Rejects with EngineStoppedError after a crash, else with the engine's own ResponseError. */
  request<P, R, Progress = never>(type: RequestType<P, R, EngineErrorData>, params: RequestParam<P>, options: RequestOptions<Progress>): Promise<R> {
    const { label, token, progress } = options;
    return this.#job(label, async ({ connection }) => {
      const listener = progress === undefined ? undefined : connection.onProgress(progress.type, progress.token, progress.report);
      try {
        return await (token === undefined ? connection.sendRequest(type, params) : connection.sendRequest(type, params, token));
      } finally {
        listener?.dispose();
      }
    });
  }

  /** As request(), for a question without parameters. */
  ask<R>(type: RequestType0<R, EngineErrorData>, label: string): Promise<R> {
    return this.#job(label, ({ connection }) => connection.sendRequest(type));
  }

  /** Ends the engine, forgets former crashes and starts a new one. */
  async restart(): Promise<void> {
    await this.stop();
    this.#history = noCrashes;
    await this.#whenRunning();
  }

  /** Ends the engine; the next request starts one. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    const before = this.#state;
    this.#enter({ tag: 'stopped' });
    if (before.tag === 'running') await before.engine.stop();
  }

  dispose(): void {
    this.#disposed = true;
    void this.stop();
  }

  async #job<R>(label: string, send: (engine: RunningEngine) => Promise<R>): Promise<R> {
    const engine = await this.#whenRunning();
    this.#running.add(label);
    try {
      return await send(engine);
    } catch (error) {
      if (connectionIsGone(error)) throw new EngineStoppedError(await engine.exited);
      throw error;
    } finally {
      this.#running.delete(label);
    }
  }

  #whenRunning(): Promise<RunningEngine> {
    if (this.#state.tag === 'stopped') this.#start();
    return new Promise((resolve, reject) => {
      let listener: Disposable | undefined;
      const settle = (state: EngineState): boolean => {
        if (state.tag === 'running') resolve(state.engine);
        else if (state.tag === 'failed') reject(new EngineUnavailableError(state.reason));
        else if (state.tag === 'stopped') reject(new EngineUnavailableError('The engine was stopped.'));
        else return false;
        listener?.dispose();
        return true;
      };
      if (!settle(this.#state)) listener = this.onDidChangeState(settle);
    });
  }

  #start(): void {
    if (this.#disposed) return;
    const starting: EngineState = { tag: 'starting' };
    this.#enter(starting);
    this.#launch().then(
      (engine) => {
        if (this.#state !== starting) {
          // Stopped or restarted meanwhile: this one is not wanted any more.
          void engine.stop();
          return;
        }
        this.#enter({ tag: 'running', engine });
        void engine.exited.then((reason) => {
          if (this.#state.tag === 'running' && this.#state.engine === engine) this.#afterCrash(reason, Date.now() - engine.startedAtMs);
        });
      },
      (error: unknown) => {
        if (this.#state !== starting) return;
        if (error instanceof EngineUnavailableError) this.#enter({ tag: 'failed', reason: error.message });
        else this.#afterCrash(error instanceof EngineStoppedError ? error.reason : String(error), 0);
      },
    );
  }

  #afterCrash(reason: string, uptimeMs: number): void {
    const { history, decision } = afterCrash(this.#history, Date.now(), uptimeMs);
    this.#history = history;
    const lost = [...this.#running];
    if (decision.kind === 'giveUp') {
      this.#enter({
        tag: 'failed',
        reason: `The engine stopped ${decision.crashes} times within a minute, last because ${reason}. It is not started again by itself.`,
      });
    } else {
      this.#enter({ tag: 'waiting', delayMs: decision.delayMs, reason });
      this.#timer = setTimeout(() => this.#start(), decision.delayMs);
    }
    this.#crashed.fire({ reason, lost, willRestart: decision.kind === 'restart' });
  }

  #enter(state: EngineState): void {
    this.#state = state;
    this.#stateChanged.fire(state);
  }
}
