// quantwright eval: what measures a model. Every measurement is a file beside this one.
import { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import { distanceCommand } from './distance.ts';
import { needleCommand } from './needle.ts';
import { perplexityCommand } from './ppl.ts';
import { statsCommand } from './stats.ts';
import { tasksCommand } from './tasks.ts';

const measurements = [perplexityCommand, tasksCommand, statsCommand, distanceCommand, needleCommand];

export function evalCommand(terminal: Terminal): Command {
  const command = new Command('eval').description('measure a model');
  for (const measurement of measurements) command.addCommand(measurement(terminal));
  return command;
}
