// engine/chat: one turn of a conversation, streamed under the caller's token. Turns with one model run at the same time and share forward passes; each loaded
// model keeps the caches of its conversations.

import { type KvSetting, printKvSpec } from '@quantwright/schemas/kv/setting';
import { chat, chatDelta, type Speculation } from '@quantwright/schemas/rpc/engine';
import type { MessageConnection } from 'vscode-jsonrpc';
import { type Chat, createChat } from '../chat/chat.ts';
import type { LoadedSpeculation } from '../chat/drafts.ts';
import { kvSettingOf } from '../kv/cache-of-setting.ts';
import type { LoadedModel } from '../model/load.ts';
import { handle, progressSender } from './request.ts';
import type { EngineServices } from './services.ts';

export function serveChat(connection: MessageConnection, services: EngineServices): void {
  const chats = new WeakMap<LoadedModel, Map<string, Promise<Chat>>>();
  services.models.onUnload((model) => chats.delete(model));
  const chatWith = (model: LoadedModel, setting: KvSetting | null): Promise<Chat> => {
    const ofModel = chats.get(model) ?? new Map<string, Promise<Chat>>();
    chats.set(model, ofModel);
    const spec = setting === null ? model.kvCache : printKvSpec(setting);
    const kept = ofModel.get(spec) ?? model.withKvCache(setting).then((same) => createChat(same));
    // Conversations of another cache are let go: a model keeps one kind at a time.
    ofModel.clear();
    ofModel.set(spec, kept);
    kept.catch(() => ofModel.delete(spec));
    return kept;
  };
  const loaded = async (speculation: Speculation | undefined, signal: AbortSignal): Promise<LoadedSpeculation | undefined> => {
    if (speculation?.type !== 'draft') return speculation;
    return { type: 'draft', model: await services.models.get(await services.models.key(speculation.modelDir), signal) };
  };
  handle(connection, chat, async ({ modelDir, messages, sampling, responseFormat, speculation, kvCache, progressToken }, callerSignal) => {
    const setting = kvCache === undefined ? null : kvSettingOf(kvCache);
    const key = await services.models.key(modelDir);
    return services.queue.run(
      'chat',
      key,
      callerSignal,
      async (signal) => {
        const conversations = await chatWith(await services.models.get(key, signal), setting);
        const onDelta = progressSender(connection, chatDelta, progressToken);
        return conversations.turn({ messages, sampling, responseFormat, speculation: await loaded(speculation, signal), signal, onDelta });
      },
      'shared',
    );
  });
}
