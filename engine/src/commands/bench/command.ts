// quantwright bench: what measures this machine.
import { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import { kernelsCommand } from './kernels.ts';

export function benchCommand(terminal: Terminal): Command {
  return new Command('bench').description('measure this machine').addCommand(kernelsCommand(terminal));
}
