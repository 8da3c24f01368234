// Words and figures that the chat shows about a turn. Pure.
import type { ChatResult } from '@quantwright/schemas/rpc/engine';
import type { ToChat } from '@quantwright/schemas/rpc/webview';
import type { EngineState } from '../../engine/engine-supervisor.ts';

export function doneMessage(result: ChatResult): Extract<ToChat, { readonly type: 'done' }> {
  const { finishReason, tokensPerSecond, tokens, contextUsed, contextLength, memoryBytes, kvCache, kvBytesPerToken, cacheBytes } = result;
  return { type: 'done', finishReason, tokensPerSecond, tokens, contextUsed, contextLength, memoryBytes, kvCache, kvBytesPerToken, cacheBytes };
}

/** The engine ended during an answer: what happened, what is being done, what the user can do. */
export function brokenTurnWords(reason: string, engine: EngineState['tag']): string {
  const stopped = `The engine stopped (${reason})`;
  if (engine === 'running') return `${stopped}; it was restarted. The answer was cut off; your conversation is kept, so send your message again.`;
  if (engine === 'failed') return `${stopped} and could not be restarted. Run "Quantwright: Restart Engine", or see "Quantwright: Show Engine Log".`;
  return `${stopped}; it is being restarted. The answer was cut off; your conversation is kept.`;
}
