// chat webview <-> extension: values over postMessage, one tagged union per direction.
import type { ChatMessage } from './engine.ts';

export interface ModelChoice {
  readonly dir: string;
  readonly name: string;
  readonly detail: string;
}

/** extension -> chat view */
export type ToChat =
  | {
      readonly type: 'state';
      readonly models: readonly ModelChoice[];
      readonly model: string | null;
      /** As `--kv-cache` spells it; null: what the model's config says, else f32. */
      readonly kvCache: string | null;
      readonly messages: readonly ChatMessage[];
      readonly busy: boolean;
    }
  | { readonly type: 'delta'; readonly text: string; readonly tokens: number }
  | {
      readonly type: 'done';
      readonly finishReason: string;
      readonly tokensPerSecond: number;
      readonly tokens: number;
      readonly contextUsed: number;
      readonly contextLength: number;
      readonly memoryBytes: number;
      /** Cache of the answer, what a token takes in it, and what the conversation takes. */
      readonly kvCache: string;
      readonly kvBytesPerToken: number;
      readonly cacheBytes: number;
    }
  | { readonly type: 'notice'; readonly level: 'info' | 'warning' | 'error'; readonly text: string };

/** chat view -> extension */
export type FromChat =
  | { readonly type: 'ready' }
  | { readonly type: 'send'; readonly text: string }
  | { readonly type: 'stop' }
  | { readonly type: 'newChat' }
  | { readonly type: 'pickModel'; readonly dir: string }
  | { readonly type: 'browseModel' }
  /** Null: the model's own. */
  | { readonly type: 'pickKvCache'; readonly kvCache: string | null }
  | { readonly type: 'askKvCache' }
  | { readonly type: 'copy'; readonly text: string };
