// Command Show Job: the view of the job that runs, or of the last one. What it shows is the board's.
import type { QuantwrightContext } from '../../context.ts';

export function activate(context: QuantwrightContext): void {
  context.command('quantwright.showJob', () => context.jobs.open(false));
}
