// The transcript: one element a message; an answer that is complete carries `data-done`.

import type { ChatMessage } from '@quantwright/schemas/rpc/engine';
import { html, nothing, type TemplateResult } from 'lit';
import { unsafeHTML } from 'lit/directives/unsafe-html.js';
import type { ChatState } from './chat-state.ts';
import { renderMarkdown } from './markdown.ts';
import { sanitise } from './sanitise.ts';

export function messageList(state: ChatState): TemplateResult {
  const waiting = state.busy && state.messages.at(-1)?.role !== 'assistant';
  return html`
    ${state.messages.map((message, at) => (message.role === 'assistant' ? answer(message, state.busy && at === state.messages.length - 1) : question(message)))}
    ${waiting ? html`<article class="message assistant waiting" aria-label="Answer">${dots}</article>` : nothing}
    ${state.messages.length === 0 ? welcome(state) : nothing}
  `;
}

const dots = html`<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>`;

function question({ content }: ChatMessage): TemplateResult {
  return html`<article class="message user" aria-label="You">${content}</article>`;
}

function answer({ content }: ChatMessage, writing: boolean): TemplateResult {
  return html`<article class="message assistant" aria-label="Answer" ?data-done=${!writing}>${unsafeHTML(sanitise(renderMarkdown(content)))}</article>`;
}

function welcome({ models, model }: ChatState): TemplateResult {
  const name = models.find(({ dir }) => dir === model)?.name;
  return html`<p class="welcome">${name === undefined ? 'Pick a model to chat with.' : `Ask ${name} something.`} It runs on this machine; nothing leaves it.</p>`;
}
