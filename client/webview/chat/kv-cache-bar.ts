// Under the model: how its keys and values are kept. Settings with options are asked for by the editor.
import { html, type TemplateResult } from 'lit';
import { post } from './host.ts';

const own = 'own';
const other = 'other';
const choices: readonly (readonly [value: string, label: string, detail: string])[] = [
  [own, "the model's own", 'what its config says, else f32'],
  ['f32', 'f32', 'exact'],
  ['f16', 'f16', '16 bits'],
  ['int8', 'int8', '8 bits, by token and head'],
  ['fp8', 'fp8', '8-bit floats, by token and head'],
  ['uint4', 'uint4', '4 bits, by token and head'],
  ['kivi4', 'KIVI 4', '4 bits, keys by channel, values by token'],
  ['kivi2', 'KIVI 2', '2 bits, keys by channel, values by token'],
  ['qrazor4', 'QRazor 4', '4 significant bits of 16'],
  ['kvquant', 'KVQuant', 'calibrated codebooks that lie with the model'],
];

/** `kvCache`: null for the model's own. */
export function kvCacheBar(kvCache: string | null): TemplateResult {
  const now = kvCache ?? own;
  const pick = (event: Event) => {
    const { target } = event;
    if (!(target instanceof HTMLElement && 'value' in target && typeof target.value === 'string') || target.value === '' || target.value === now) return;
    if (target.value === other) post({ type: 'askKvCache' });
    else post({ type: 'pickKvCache', kvCache: target.value === own ? null : target.value });
  };
  const known = choices.some(([value]) => value === now) ? choices : [...choices, [now, now, ''] as const];
  return html`
    <div class="kv-bar">
      <span aria-hidden="true">KV cache</span>
      <vscode-single-select class="kv" label="KV cache" aria-label="KV cache" .value=${now} @change=${pick}>
        ${[...known, [other, 'Other...', 'a setting with its options'] as const].map(
          ([value, label, detail]) => html`<vscode-option value=${value} description=${detail} ?selected=${value === now}>${label}</vscode-option>`,
        )}
      </vscode-single-select>
    </div>`;
}
