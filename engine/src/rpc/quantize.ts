// engine/quantize: one job at a time for an output directory; progress under the caller's token.

import { resolve } from 'node:path';
import { quantize, quantizeProgress } from '@quantwright/schemas/rpc/engine';
import type { MessageConnection } from 'vscode-jsonrpc';
import { loadBinding } from '../jobs/binding.ts';
import { quantizeModel } from '../pipeline/quantize.ts';
import { handle, progressSender } from './request.ts';
import type { EngineServices } from './services.ts';

export function serveQuantize(connection: MessageConnection, services: EngineServices): void {
  handle(connection, quantize, (params, signal) =>
    services.queue.run('quantize', resolve(params.outDir), signal, async (jobSignal) => {
      // A model that is being replaced must not stay mapped: its next use loads the new one.
      await services.models.unload(params.outDir);
      const { progressToken } = params;
      return quantizeModel(params, {
        loadBinding,
        signal: jobSignal,
        onProgress: progressSender(connection, quantizeProgress, progressToken),
      });
    }),
  );
}
