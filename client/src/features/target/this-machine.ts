// The device "This machine": the engine says which known device is nearest to the processor it runs on.
import { doctor } from '@quantwright/schemas/rpc/engine';
import { window, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { engineFailure } from '../../engine/engine-error.ts';
import { reportFailure } from '../models/report-failure.ts';
import type { AskMachine } from './pick-target.ts';

/** Null in a workspace that is not trusted: there the engine does not run, so the choice is not offered. */
export function machineAsker(context: QuantwrightContext): AskMachine | null {
  if (!workspace.isTrusted) return null;
  return async (devices) => {
    try {
      const { device, cpu } = await context.engine.ask(doctor, 'looking at this machine');
      const known = devices.find(({ id }) => id === device);
      if (known !== undefined) {
        context.log.info(`This machine (${cpu?.brand ?? 'processor not known'}) is judged as ${known.name}.`);
        return known.id;
      }
      void window.showWarningMessage(`No known device is like this machine (${cpu?.brand ?? 'the native engine could not look at it'}). Pick one by name.`);
    } catch (error) {
      reportFailure(context, 'Looking at this machine', engineFailure(error), '');
    }
    return null;
  };
}
