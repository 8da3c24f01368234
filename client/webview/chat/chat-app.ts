// The chat view: state in, elements out, the user's actions to the extension. Renders into the document itself, so that one style sheet
// and the editor's theme variables reach everything.

import type { ToChat } from '@quantwright/schemas/rpc/webview';
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { type ChatState, initialState, reduce } from './chat-state.ts';
import { statusText } from './figures.ts';
import { onMessage, post } from './host.ts';
import { messageList } from './message-list.ts';
import { modelBar } from './model-bar.ts';

/** The reader is at the end, and wants to stay there, when less than this is below. */
const nearEndPx = 40;

export class ChatApp extends LitElement {
  static override properties = { chat: { state: true }, draft: { state: true } };
  declare chat: ChatState;
  declare draft: string;
  #followEnd = true;

  constructor() {
    super();
    this.chat = initialState;
    this.draft = '';
    onMessage((message: ToChat) => {
      this.chat = reduce(this.chat, message);
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('focus', focusComposer);
    post({ type: 'ready' });
  }

  override disconnectedCallback(): void {
    window.removeEventListener('focus', focusComposer);
    super.disconnectedCallback();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override willUpdate(): void {
    const list = this.querySelector('.messages');
    this.#followEnd = list === null || list.scrollHeight - list.scrollTop - list.clientHeight < nearEndPx;
  }

  protected override updated(changed: PropertyValues): void {
    const list = this.querySelector('.messages');
    if (this.#followEnd && list !== null) list.scrollTop = list.scrollHeight;
    const before = changed.get('chat') as ChatState | undefined;
    // Whoever came to type is at the box as soon as there is one.
    if (before?.known === false && document.hasFocus()) focusComposer();
    if (before?.busy === true && !this.chat.busy) {
      this.#announceAnswer();
      // The Stop button is gone, and with it the focus of who pressed it.
      if (document.hasFocus()) focusComposer();
    }
  }

  protected override render(): TemplateResult {
    const { chat } = this;
    if (!chat.known) return html`<main class="chat" aria-busy="true"><p class="loading">Looking for models...</p></main>`;
    return html`
      <main class="chat" aria-busy=${chat.busy ? 'true' : 'false'} @keydown=${this.#onKey}>
        ${modelBar(chat)}
        <section class="messages" role="log" aria-live="off" aria-label="Conversation" tabindex="0" @click=${onClick}>${messageList(chat)}</section>
        ${chat.notice === null ? nothing : html`<p class="notice ${chat.notice.level}" role="alert">${chat.notice.text}</p>`}
        <form class="composer" @submit=${(event: Event) => event.preventDefault()}>
          <textarea
            class="input" aria-label="Message" aria-keyshortcuts="Enter" placeholder="Message (Enter sends, Shift+Enter adds a line)" rows="2"
            .value=${this.draft} @input=${this.#onInput}
          ></textarea>
          <div class="actions">
            <span class="status" role="status">${statusText(chat)}</span>
            ${
              chat.busy
                ? html`<vscode-button class="stop" icon="debug-stop" secondary title="Stop (Esc)" @click=${stop}>Stop</vscode-button>`
                : html`<vscode-button class="send" icon="send" ?disabled=${this.draft.trim() === ''} aria-disabled=${this.draft.trim() === '' ? 'true' : 'false'}
                  title="Send (Enter)" @click=${this.#send}>Send</vscode-button>`
            }
          </div>
        </form>
        <div class="announcer" role="status" aria-live="polite"></div>
      </main>
    `;
  }

  readonly #onInput = (event: Event): void => {
    const { target } = event;
    if (target instanceof HTMLTextAreaElement) this.draft = target.value;
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && this.chat.busy) {
      event.preventDefault();
      stop();
      return;
    }
    const typing = event.target instanceof HTMLElement && event.target.matches('.input');
    // Enter that ends the composition of a character is not a command.
    if (!typing || event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send();
  };

  readonly #send = (): void => {
    const text = this.draft.trim();
    if (text === '' || this.chat.busy) return;
    this.draft = '';
    this.#followEnd = true;
    post({ type: 'send', text });
    inputBox()?.focus();
  };

  /** Screen readers get the finished answer once, not every piece of it. */
  #announceAnswer(): void {
    const announcer = this.querySelector('.announcer');
    const answers = this.querySelectorAll('.message.assistant');
    if (announcer !== null) announcer.textContent = answers.item(answers.length - 1)?.textContent ?? '';
  }
}

function inputBox(): HTMLElement | null {
  return document.querySelector<HTMLElement>('textarea.input');
}

/** Puts the cursor into the box unless something else of the view has the focus. */
function focusComposer(): void {
  if (document.activeElement === null || document.activeElement === document.body) inputBox()?.focus();
}

function stop(): void {
  post({ type: 'stop' });
}

function onClick(event: Event): void {
  const button = event.target instanceof Element ? event.target.closest('button.copy') : null;
  const code = button?.closest('.code')?.querySelector('code')?.textContent;
  if (button === null || code === undefined || code === null) return;
  post({ type: 'copy', text: code });
  button.textContent = 'Copied';
  setTimeout(() => {
    button.textContent = 'Copy';
  }, 1_500);
}
