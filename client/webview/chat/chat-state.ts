// What the chat view shows, as a value: reduced from the extension's messages. Pure; the view renders it and keeps nothing else.
import type { ChatMessage } from '@quantwright/schemas/rpc/engine';
import type { ModelChoice, ToChat } from '@quantwright/schemas/rpc/webview';

export type Notice = Omit<Extract<ToChat, { readonly type: 'notice' }>, 'type'>;
export type Figures = Omit<Extract<ToChat, { readonly type: 'done' }>, 'type'>;

export interface ChatState {
  /** False until the extension has said what there is; until then nothing is known, not even that there is no model. */
  readonly known: boolean;
  readonly models: readonly ModelChoice[];
  readonly model: string | null;
  /** Null: the model's own. */
  readonly kvCache: string | null;
  readonly messages: readonly ChatMessage[];
  /** An answer is being written; when the last message is the user's, its first word has not arrived. */
  readonly busy: boolean;
  /** Tokens of the answer that is being written. */
  readonly tokens: number;
  /** Of the last finished answer. */
  readonly figures: Figures | null;
  readonly notice: Notice | null;
}

export const initialState: ChatState = {
  known: false,
  models: [],
  model: null,
  kvCache: null,
  messages: [],
  busy: false,
  tokens: 0,
  figures: null,
  notice: null,
};

export function reduce(state: ChatState, message: ToChat): ChatState {
  switch (message.type) {
    case 'state': {
      const { models, model, kvCache, messages, busy } = message;
      const starts = busy && !state.busy;
      return {
        known: true,
        models,
        model,
        kvCache,
        messages,
        busy,
        tokens: starts ? 0 : state.tokens,
        figures: messages.length === 0 ? null : state.figures,
        // A new turn and a new chat take the notice of the last one away.
        notice: starts || messages.length === 0 ? null : state.notice,
      };
    }
    case 'delta':
      return state.busy ? { ...state, messages: withDelta(state.messages, message.text), tokens: state.tokens + message.tokens } : state;
    case 'done': {
      const { type: _, ...figures } = message;
      return { ...state, busy: false, figures };
    }
    case 'notice':
      return { ...state, notice: { level: message.level, text: message.text } };
  }
}

function withDelta(messages: readonly ChatMessage[], text: string): readonly ChatMessage[] {
  const last = messages.at(-1);
  return last?.role === 'assistant'
    ? [...messages.slice(0, -1), { role: 'assistant', content: last.content + text }]
    : [...messages, { role: 'assistant', content: text }];
}
