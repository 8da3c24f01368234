// The conversation as the extension keeps it while the view comes and goes: a value and its transitions. Pure.
import type { ChatMessage } from '@quantwright/schemas/rpc/engine';

export interface Conversation {
  /** While busy, the last message is the part of the answer that has arrived, if any has. */
  readonly messages: readonly ChatMessage[];
  readonly busy: boolean;
}

export type ConversationEvent =
  | { readonly type: 'sent'; readonly text: string }
  | { readonly type: 'delta'; readonly text: string }
  /** `text`: the whole answer. */
  | { readonly type: 'answered'; readonly text: string }
  /** The answer ends where it is. */
  | { readonly type: 'broken' }
  | { readonly type: 'cleared' };

export const emptyConversation: Conversation = { messages: [], busy: false };

export function next(conversation: Conversation, event: ConversationEvent): Conversation {
  switch (event.type) {
    case 'sent':
      return { messages: [...conversation.messages, { role: 'user', content: event.text }], busy: true };
    case 'delta':
      // A delta that arrives after the turn has ended belongs to nothing.
      return conversation.busy ? { ...conversation, messages: withAnswer(conversation.messages, (before) => before + event.text) } : conversation;
    case 'answered':
      return { messages: withAnswer(conversation.messages, () => event.text), busy: false };
    case 'broken':
      return { ...conversation, busy: false };
    case 'cleared':
      return emptyConversation;
  }
}

/** What the engine is given: questions that never got an answer are left out, because chat templates expect the roles to alternate. */
export function forEngine(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  return messages.filter(({ role, content }, at) => {
    if (role === 'assistant') return content !== '';
    return role !== 'user' || messages.slice(at + 1).find((later) => later.content !== '')?.role !== 'user';
  });
}

function withAnswer(messages: readonly ChatMessage[], change: (before: string) => string): readonly ChatMessage[] {
  const last = messages.at(-1);
  return last?.role === 'assistant'
    ? [...messages.slice(0, -1), { role: 'assistant', content: change(last.content) }]
    : [...messages, { role: 'assistant', content: change('') }];
}
