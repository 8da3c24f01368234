// engine/convert: one job at a time for an output directory; progress under the caller's token.
import { resolve } from 'node:path';
import { convert, convertProgress } from '@quantwright/schemas/rpc/engine';
import type { MessageConnection } from 'vscode-jsonrpc';
import { loadBinding } from '../jobs/binding.ts';
import { convertModel } from '../repack/convert.ts';
import { handle, progressSender } from './request.ts';
import type { EngineServices } from './services.ts';

export function serveConvert(connection: MessageConnection, services: EngineServices): void {
  handle(connection, convert, (params, signal) =>
    services.queue.run('convert', resolve(params.outDir), signal, async (jobSignal) => {
      // A model that is being replaced must not stay mapped: its next use loads the new one.
      await services.models.unload(params.outDir);
      return convertModel(params, { loadBinding, signal: jobSignal, onProgress: progressSender(connection, convertProgress, params.progressToken) });
    }),
  );
}
