// engine/chat: one turn of a conversation, streamed.
import { ProgressType, RequestType } from 'vscode-jsonrpc';
import type { EngineErrorData } from '../errors.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}
export interface Sampling {
  /** 0 = greedy. */
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  /** Of prompt and answer; 1 = off. */
  readonly repetitionPenalty?: number;
  /** Times the occurrences in the answer; 0 = off. */
  readonly frequencyPenalty?: number;
  /** Once for every token of the answer; 0 = off. */
  readonly presencePenalty?: number;
  /** Token id -> -100 to 100, added to its logit. */
  readonly logitBias?: Readonly<Record<string, number>>;
  /** Equal seeds give equal answers on the same machine. */
  readonly seed?: number;
  readonly maxTokens?: number;
  readonly stop?: readonly string[];
}
export interface ChatParams {
  readonly modelDir: string;
  /** The whole conversation; the engine reuses the longest common prefix of the last turn's cache. */
  readonly messages: readonly ChatMessage[];
  readonly sampling?: Sampling;
  /** Default: text. */
  readonly responseFormat?: ResponseFormat;
  /** Default: lookup. Changes the speed of an answer, never its tokens. */
  readonly speculation?: Speculation;
  /** As `--kv-cache` spells it; default: what the model's config says, else f32. */
  readonly kvCache?: string;
  readonly progressToken?: string;
}
/** json_schema: the answer is JSON that the schema allows; a schema with keywords that cannot be kept is refused with their place. */
export type ResponseFormat = { readonly type: 'text' } | { readonly type: 'json_object' } | { readonly type: 'json_schema'; readonly schema: unknown };
/** Where guesses of the next tokens come from. lookup: from what the conversation says already. draft: from a smaller model with the same tokens. */
export type Speculation = { readonly type: 'off' } | { readonly type: 'lookup' } | { readonly type: 'draft'; readonly modelDir: string };
/** Text that was generated since the last batch (about 30 ms). */
export interface ChatDelta {
  readonly text: string;
  readonly tokens: number;
}
export const chatDelta = new ProgressType<ChatDelta>();
export interface ChatResult {
  readonly text: string;
  readonly finishReason: 'stop' | 'length' | 'cancelled' | 'context';
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly tokens: number;
  readonly prefillTokensPerSecond: number;
  readonly tokensPerSecond: number;
  readonly contextUsed: number;
  readonly contextLength: number;
  /** Of keys and values of the whole context, as the conversation holds them now. */
  readonly cacheBytes: number;
  /** Cache that the answer was written with, as `--kv-cache` spells it, and the bytes that one more token takes in it. */
  readonly kvCache: string;
  readonly kvBytesPerToken: number;
  readonly memoryBytes: number;
  /** Guesses that were verified, and those of them that were right. */
  readonly draftedTokens: number;
  readonly acceptedTokens: number;
}
/** client -> engine: one chat turn, streamed. Cancelling ends it with finishReason 'cancelled' and the text so far. */
export const chat = new RequestType<ChatParams, ChatResult, EngineErrorData>('engine/chat');
