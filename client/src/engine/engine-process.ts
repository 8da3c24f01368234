// One life of the engine process: spawn, wait for `ready`, check the protocol, hand out the connection, say how it ended.
// Never restarts anything; that is the supervisor's. Knows nothing of the editor.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { type LogMessage, log as logMessage, type Ready, ready as readyMessage, shutdown } from '@quantwright/schemas/rpc/engine';
import { createMessageConnection, type MessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import { EngineStoppedError, EngineUnavailableError } from './engine-error.ts';
import { protocolProblem } from './handshake.ts';

export interface EngineLaunch {
  /** JavaScript file of the engine. */
  readonly entry: string;
  /** Program that runs it: Node, or Electron as Node. */
  readonly execPath: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: (message: LogMessage) => void;
}

export interface RunningEngine {
  readonly ready: Ready;
  readonly pid: number;
  readonly connection: MessageConnection;
  readonly startedAtMs: number;
  /** Resolves once, with words such as "it was ended by signal SIGKILL". Never rejects. */
  readonly exited: Promise<string>;
  /** Asks it to end; ends it by force after twelve seconds. */
  stop(): Promise<void>;
}

/** The addon is probed in a child process before `ready`, which takes a while on a busy machine. */
const readyTimeoutMs = 60_000;
/** The engine first cancels its jobs, so that they leave nothing behind; it gives them ten seconds. */
const shutdownTimeoutMs = 12_000;

/** Rejects with EngineStoppedError when the process ends first, EngineUnavailableError when it must not be used. */
export async function launchEngine(launch: EngineLaunch): Promise<RunningEngine> {
  const child = spawn(launch.execPath, [launch.entry, '--stdio'], { env: launch.env, stdio: ['pipe', 'pipe', 'pipe'] });
  const lastWords = collectStderr(child, launch.log);
  const exited = whenExited(child, lastWords);
  const connection = createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
  connection.onNotification(logMessage, launch.log);
  // A broken pipe is told by `exited`; without a listener the stream's error would end the extension host.
  connection.onError(([error]) => launch.log({ level: 'debug', message: `Engine connection: ${error.message}` }));
  // An engine whose output is closed can answer nothing more: make sure that it ends too, after leaving it time to end by itself.
  connection.onClose(() => setTimeout(() => child.kill('SIGKILL'), 1_000).unref());
  void exited.then(() => connection.dispose());

  const handshake = new Promise<Ready>((resolve) => connection.onNotification(readyMessage, resolve));
  connection.listen();
  try {
    const ready = await firstOf(handshake, exited);
    const problem = protocolProblem(ready);
    if (problem !== null) throw new EngineUnavailableError(problem);
    const pid = child.pid ?? ready.pid;
    return { ready, pid, connection, startedAtMs: Date.now(), exited, stop: () => stopChild(child, connection, exited) };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

async function firstOf(handshake: Promise<Ready>, exited: Promise<string>): Promise<Ready> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new EngineStoppedError(`it did not answer within ${readyTimeoutMs / 1000} seconds of its start`)), readyTimeoutMs);
  });
  const ended = exited.then((reason) => {
    throw new EngineStoppedError(reason);
  });
  try {
    return await Promise.race([handshake, ended, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Sends stderr to the log and keeps the last lines, which usually say why a process died. */
function collectStderr(child: ChildProcessWithoutNullStreams, log: EngineLaunch['log']): () => string {
  let recent = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    recent = (recent + text).slice(-2_000);
    const message = text.trimEnd();
    if (message !== '') log({ level: 'warn', message });
  });
  return () => recent.trim().split('\n').at(-1) ?? '';
}

function whenExited(child: ChildProcessWithoutNullStreams, lastWords: () => string): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`it could not be started (${error.message})`));
    child.once('exit', (code, signal) => {
      const how = signal === null ? `it ended with exit code ${code ?? 'unknown'}` : `it was ended by signal ${signal}`;
      const words = lastWords();
      resolve(words === '' ? how : `${how} (${words})`);
    });
  });
}

async function stopChild(child: ChildProcessWithoutNullStreams, connection: MessageConnection, exited: Promise<string>): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), shutdownTimeoutMs);
  try {
    await Promise.race([connection.sendRequest(shutdown), exited]);
  } catch {
    // The engine may end before it answers; what counts is that it ends.
  }
  child.stdin.end();
  await exited;
  clearTimeout(timer);
}
