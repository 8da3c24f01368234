// engine/perplexity: one job at a time for a model; progress under the caller's token.
import { perplexity, perplexityProgress } from '@quantwright/schemas/rpc/engine';
import type { MessageConnection } from 'vscode-jsonrpc';
import { measurePerplexity } from '../eval/perplexity.ts';
import { readTextFile } from '../eval/text-file.ts';
import { kvSettingOf } from '../kv/cache-of-setting.ts';
import { handle, progressSender } from './request.ts';
import type { EngineServices } from './services.ts';

export function servePerplexity(connection: MessageConnection, services: EngineServices): void {
  handle(connection, perplexity, async (params, callerSignal) => {
    const key = await services.models.key(params.modelDir);
    return services.queue.run('perplexity', key, callerSignal, async (signal) => {
      const { textPath, window, stride, maxTokens, kvCache, progressToken } = params;
      const setting = kvCache === undefined ? null : kvSettingOf(kvCache);
      const text = await readTextFile(textPath);
      const loaded = await services.models.get(key, signal);
      const model = await loaded.withKvCache(setting);
      const { windowNats: _, ...result } = await measurePerplexity(model, text, {
        ...(window === undefined ? {} : { window }),
        ...(stride === undefined ? {} : { stride }),
        ...(maxTokens === undefined ? {} : { maxTokens }),
        signal,
        onProgress: progressSender(connection, perplexityProgress, progressToken),
      });
      return result;
    });
  });
}
