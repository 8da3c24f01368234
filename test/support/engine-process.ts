// The real engine and the real command line, started for a test. Both run the compiled sources; engine-bundle.test.ts runs what ships.
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type LogMessage, log, type Ready, ready } from '@quantwright/schemas/rpc/engine';
import { createMessageConnection, type MessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';

export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
export const quill = join(projectRoot, 'models', 'quill-16m');
export const quillText = join(projectRoot, 'models', 'texts', 'quant_chat_evaluation.txt');

export interface EngineProcess {
  readonly child: ChildProcess;
  readonly connection: MessageConnection;
  readonly ready: Ready;
  readonly logs: readonly LogMessage[];
  /** Resolves with exit code and signal. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts an engine and waits for its handshake; it is ended with the test. */
export async function startEngine(context: TestContext, entry = join(projectRoot, 'engine', 'out', 'main.js')): Promise<EngineProcess> {
  const child = spawn(process.execPath, [entry, '--stdio'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  );
  context.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  const connection = createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
  const logs: LogMessage[] = [];
  connection.onNotification(log, (message) => void logs.push(message));
  const handshake = new Promise<Ready>((resolve) => connection.onNotification(ready, resolve));
  connection.listen();
  const first = await Promise.race([
    handshake,
    exited.then(({ code, signal }) => {
      throw new Error(`the engine ended before its handshake (${code ?? signal}): ${stderr}`);
    }),
  ]);
  return { child, connection, ready: first, logs, exited };
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly result: Promise<CommandResult>;
}

/** `input`: what the command reads; its end is closed after it, unless `keepOpen`. */
export function startCli(
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: string; readonly entry?: string; readonly env?: NodeJS.ProcessEnv; readonly keepOpen?: boolean } = {},
): RunningCommand {
  const child = spawn(process.execPath, [options.entry ?? join(projectRoot, 'engine', 'out', 'cli.js'), ...args], {
    cwd: options.cwd ?? projectRoot,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  child.stdin.on('error', () => {}); // a command may end before it has read everything
  child.stdin.write(options.input ?? '');
  if (options.keepOpen !== true) child.stdin.end();
  const result = new Promise<CommandResult>((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
  return { child, result };
}

export function runCli(
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: string; readonly entry?: string; readonly env?: NodeJS.ProcessEnv; readonly keepOpen?: boolean } = {},
): Promise<CommandResult> {
  return startCli(args, options).result;
}
