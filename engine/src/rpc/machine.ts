// engine/doctor, engine/inspect, engine/unload: small questions that need no job of their own.

import { doctor, inspect, unload } from '@quantwright/schemas/rpc/engine';
import type { MessageConnection } from 'vscode-jsonrpc';
import { EngineError } from '../errors.ts';
import { doctorReport } from '../jobs/doctor.ts';
import { inspectPath } from '../jobs/inspect.ts';
import { handle } from './request.ts';
import type { EngineServices } from './services.ts';

export function serveMachine(connection: MessageConnection, services: EngineServices): void {
  connection.onRequest(doctor, () => doctorReport());
  handle(connection, inspect, (params) => inspectPath(params.path));
  handle(connection, unload, async ({ modelDir }) => {
    const key = await services.models.key(modelDir);
    if (services.queue.isBusy(key)) throw new EngineError('busy', `${modelDir} is in use by a running job; cancel it first`, { file: modelDir });
    await services.models.unload(modelDir);
    return null;
  });
}
