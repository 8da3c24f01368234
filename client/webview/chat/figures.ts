// The status line under the chat: speed, context, memory. Pure.
import type { ChatState } from './chat-state.ts';

export function statusText(state: ChatState): string {
  if (state.busy) return state.tokens === 0 ? 'Reading the conversation...' : `Writing, ${state.tokens} tokens so far`;
  if (!state.known) return '';
  const { figures } = state;
  if (figures === null) return state.model === null ? 'No model' : 'Ready';
  const parts = [
    `${figures.tokensPerSecond.toFixed(figures.tokensPerSecond < 100 ? 1 : 0)} tokens/s`,
    `context ${figures.contextUsed} of ${figures.contextLength}`,
    `${(figures.memoryBytes / 1e6).toFixed(figures.memoryBytes < 1e8 ? 1 : 0)} MB`,
  ];
  parts.push(`KV cache ${figures.kvCache}: ${Math.round(figures.kvBytesPerToken)} B/token, ${(figures.cacheBytes / 1e6).toFixed(2)} MB`);
  const ending = endings[figures.finishReason];
  return ending === undefined ? parts.join(' · ') : [ending, ...parts].join(' · ');
}

const endings: Readonly<Record<string, string>> = { cancelled: 'stopped', length: 'cut at the length limit', context: 'context is full' };
