// What the report was made from: kernel tables, and every run with its command, so that each number can be had again.
import type { Run } from '../runs/run.ts';
import { fixed, megabytes, seconds } from './figures.ts';
import { type Html, html } from './html.ts';

export function kernelTables(runs: readonly Run[]): Html | null {
  const kernels = runs.filter((run) => run.kind === 'kernels');
  if (kernels.length === 0) return null;
  return html`<section id="kernels" aria-labelledby="kernels-title"><h2 id="kernels-title">Kernels</h2>
${kernels.map(
  ({ id, machine, result }) => html`<div class="scroll" role="region" aria-label="kernels of ${id}" tabindex="0"><table class="sortable">
<caption>${machine.cpu}, ${machine.level}, ${machine.threads} threads; ratio to ${result.baseline}</caption>
<thead><tr>${['m', 'n', 'k', 'codec', 'µs', 'ratio'].map((title) => html`<th scope="col" data-sorts="${title === 'codec' ? 'text' : 'number'}"><button type="button">${title}</button></th>`)}</tr></thead>
<tbody>${result.rows.map(({ m, n, k, codec, microseconds, ratio }) => html`<tr>${[m, n, k].map((size) => html`<td class="figure" data-value="${size}">${size}</td>`)}<td>${codec}</td><td class="figure" data-value="${microseconds}">${fixed(microseconds, 1)}</td><td class="figure" data-value="${ratio}">${fixed(ratio, 2)}×</td></tr>`)}</tbody></table></div>`,
)}</section>`;
}

/** `unread`: in words, runs that are in the store and not in the report. */
export function runList(runs: readonly Run[], unread: readonly string[]): Html {
  return html`<section id="runs" aria-labelledby="runs-title"><h2 id="runs-title">Runs</h2>
${unread.length === 0 ? null : html`<ul>${unread.map((words) => html`<li>Not read: ${words}</li>`)}</ul>`}
<details><summary>${runs.length === 1 ? '1 run' : `${runs.length} runs`}: commands, times, machines</summary><div class="scroll" role="region" aria-labelledby="runs-title" tabindex="0"><table>
<thead><tr><th scope="col">id</th><th scope="col">time</th><th scope="col">peak memory</th><th scope="col">machine</th><th scope="col">command</th></tr></thead>
<tbody>${runs.map(
    (run) =>
      html`<tr><th scope="row">${run.id}</th><td class="figure">${seconds(run.seconds)}</td><td class="figure">${megabytes(run.peakMemoryBytes)}</td><td>${run.machine.cpu}, ${run.machine.level}, ${run.machine.threads} threads</td><td><code>quantwright ${run.command.join(' ')}</code></td></tr>`,
  )}</tbody></table></div></details></section>`;
}
