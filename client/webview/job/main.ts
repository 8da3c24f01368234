// Entry of the job view's bundle: the elements it uses, and itself.
import '@vscode-elements/elements/dist/vscode-button/index.js';
import { JobApp } from './job-app.ts';

customElements.define('quantwright-job', JobApp);
