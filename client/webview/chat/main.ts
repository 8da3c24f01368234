// Entry of the chat view's bundle: the elements it uses, and itself.
import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-option/index.js';
import '@vscode-elements/elements/dist/vscode-single-select/index.js';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import { ChatApp } from './chat-app.ts';

customElements.define('quantwright-chat', ChatApp);
