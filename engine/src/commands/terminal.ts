// What a command may do to the world besides its job: text out, and a signal that Ctrl+C sets. Commands get it as a parameter, so tests can listen.

export interface Terminal {
  /** Results. With --json nothing else goes here. */
  out(text: string): void;
  /** Everything for people that is no result: progress, warnings, errors. */
  err(text: string): void;
  /** Whether `err` is a screen that can be drawn over. */
  readonly interactive: boolean;
  /** Whether `out` is a screen. */
  readonly outInteractive: boolean;
  /** Width of the screen in characters. */
  readonly columns: number;
  /** Aborted by Ctrl+C and by what else ends the process early; the reason is an Interruption. */
  readonly signal: AbortSignal;
}

/** Why a command was told to stop, and the exit code that says so to the caller's shell. */
export class Interruption extends Error {
  override readonly name = 'AbortError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** One line that is drawn over again and again; nothing when the terminal is no screen. */
export interface StatusLine {
  show(text: string): void;
  clear(): void;
}

/** Enough for the eye, and little enough that a slow connection keeps up. */
const redrawMs = 50;

export function statusLine(terminal: Terminal): StatusLine {
  let last = 0;
  let shown = false;
  return {
    show: (text) => {
      const now = performance.now();
      if (!terminal.interactive || now - last < redrawMs) return;
      last = now;
      shown = true;
      terminal.err(`\r\x1b[K${text.slice(0, Math.max(terminal.columns - 1, 20))}`);
    },
    clear: () => {
      if (shown) terminal.err('\r\x1b[K');
      shown = false;
    },
  };
}
