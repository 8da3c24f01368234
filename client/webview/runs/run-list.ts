// The list of all runs, newest first: which are in the report, what each found, and its file.
import type { RunRow } from '@quantwright/schemas/rpc/runs-view';
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { post } from './host.ts';
import { kinds } from './runs-state.ts';

/** `choose`: called with the runs that the user puts into the report or takes out of it. */
export function runList(runs: readonly RunRow[], left: readonly string[], choose: (runs: readonly RunRow[], inReport: boolean) => void): TemplateResult {
  const out = runs.filter(({ file }) => left.includes(file)).length;
  const checked = ({ target }: Event): boolean => target instanceof HTMLInputElement && target.checked;
  return html`
    <section aria-labelledby="list-title">
      <h2 id="list-title">All runs</h2>
      <div class="scroll list" role="region" aria-labelledby="list-title" tabindex="0">
        <table>
          <caption>${runs.length - out} of ${runs.length} are in the report.</caption>
          <thead><tr>
            <th scope="col"><input type="checkbox" aria-label="All runs in the report" .checked=${out === 0} .indeterminate=${out > 0 && out < runs.length}
              @change=${(event: Event) => choose(runs, checked(event))}></th>
            <th scope="col">started</th><th scope="col">measurement</th><th scope="col">of</th><th scope="col">found</th><th scope="col">file</th>
          </tr></thead>
          <tbody>${repeat(
            runs,
            ({ file }) => file,
            (run) => row(run, !left.includes(run.file), (event) => choose([run], checked(event))),
          )}</tbody>
        </table>
      </div>
    </section>`;
}

function row(run: RunRow, inReport: boolean, changed: (event: Event) => void): TemplateResult {
  const { file, kind, started, seconds, name, detail, found, command, sweep } = run;
  const said = `${kinds[kind]} of ${name}, ${timeWords(started)}`;
  return html`
    <tr>
      <td><input type="checkbox" aria-label=${`In the report: ${said}`} .checked=${inReport} @change=${changed}></td>
      <td><time datetime=${started}>${timeWords(started)}</time></td>
      <th scope="row">${kinds[kind]}${sweep === null ? nothing : html`<span class="detail">sweep ${sweep}</span>`}</th>
      <td>${name} <span class="detail">${detail}</span></td>
      <td>${found} <span class="detail">in ${seconds.toFixed(seconds < 10 ? 1 : 0)} s</span></td>
      <td class="do">
        <button class="link" aria-label=${`Open the file of ${said}`} @click=${() => post({ type: 'open', file })}>Open</button>
        <button class="link" aria-label=${`Copy the command of ${said}`} title=${command} @click=${() => post({ type: 'copy', text: command })}>Copy command</button>
      </td>
    </tr>`;
}

/** `2026-11-23 12:00` of the reader's own clock. */
function timeWords(started: string): string {
  const at = new Date(started);
  if (Number.isNaN(at.getTime())) return started;
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
