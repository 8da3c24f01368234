// Runs one command of a sweep in a process of its own, so that its peak memory is its own and its crash is not the sweep's.
import { spawn } from 'node:child_process';

export interface ChildResult {
  readonly code: number;
  /** Last lines of stderr: why it failed. */
  readonly said: string;
}

const keptBytes = 4096;

/** `cli`: the script of this command line. `folder`: where it runs. Rejects when the process cannot be started. */
export function runChild(cli: string, args: readonly string[], folder: string, sweep: string, signal: AbortSignal): Promise<ChildResult> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: folder,
      env: { ...process.env, QUANTWRIGHT_SWEEP: sweep },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-keptBytes);
    });
    const stop = (): void => void child.kill('SIGINT');
    signal.addEventListener('abort', stop, { once: true });
    child.on('error', failed);
    child.on('close', (code) => {
      signal.removeEventListener('abort', stop);
      done({ code: code ?? 1, said: said.trim() });
    });
  });
}
