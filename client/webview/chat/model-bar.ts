// The top line: which model answers, browse for another, begin anew.
import { html, type TemplateResult } from 'lit';
import type { ChatState } from './chat-state.ts';
import { post } from './host.ts';
import { kvCacheBar } from './kv-cache-bar.ts';

export function modelBar({ models, model, kvCache }: ChatState): TemplateResult {
  const pick = (event: Event) => {
    const { target } = event;
    if (target instanceof HTMLElement && 'value' in target && typeof target.value === 'string' && target.value !== '' && target.value !== model) {
      post({ type: 'pickModel', dir: target.value });
    }
  };
  return html`
    <header class="model-bar">
      <vscode-single-select class="model" label="Model" aria-label="Model" .value=${model ?? ''} @change=${pick}>
        ${models.map(({ dir, name, detail }) => html`<vscode-option value=${dir} description=${detail} ?selected=${dir === model}>${name}</vscode-option>`)}
      </vscode-single-select>
      <vscode-toolbar-button icon="folder-opened" label="Browse for a model" title="Browse for a model" @click=${() => post({ type: 'browseModel' })}></vscode-toolbar-button>
      <vscode-toolbar-button icon="add" label="New chat" title="New chat" @click=${() => post({ type: 'newChat' })}></vscode-toolbar-button>
      ${kvCacheBar(kvCache)}
    </header>
  `;
}
