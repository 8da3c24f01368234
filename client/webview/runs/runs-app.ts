// The runs view: the list that runs are chosen from, and the report of the chosen ones. Renders into the document itself, so that the style sheets and the
// editor's theme variables reach everything.
import type { RunRow, ToRuns, UnreadRun } from '@quantwright/schemas/rpc/runs-view';
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { choose, keptLeft, onMessage, post } from './host.ts';
import { adoptReportStyle, followLink, showReport } from './report-part.ts';
import { runList } from './run-list.ts';
import { changeWords, leftAfter } from './runs-state.ts';

export class RunsApp extends LitElement {
  static override properties = { shown: { state: true }, left: { state: true }, announced: { state: true } };
  declare shown: ToRuns | null;
  /** Files of the runs that are not in the report; ahead of what the extension has answered. */
  declare left: readonly string[];
  declare announced: string;
  #report: string | null = null;

  constructor() {
    super();
    this.shown = null;
    this.left = keptLeft();
    this.announced = '';
    adoptReportStyle();
    onMessage((message) => {
      const change = this.shown === null ? null : changeWords(this.shown.runs, message.runs);
      if (change !== null) this.announced = change;
      this.shown = message;
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    choose(this.left);
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override updated(): void {
    const place = this.querySelector('.report');
    if (place === null || this.shown === null) return;
    showReport(place, this.shown.report.html, this.#report);
    this.#report = this.shown.report.html;
  }

  protected override render(): TemplateResult {
    const { shown, left } = this;
    if (shown === null) return html`<main aria-busy="true"></main>`;
    const { runs, unread, stores, report } = shown;
    return html`
      <main @click=${followLink}>
        <h1>Runs</h1>
        <p class="detail">${report.summary}</p>
        ${runs.length === 0 ? none(stores) : runList(runs, left, this.#choose)}
        ${unread.length === 0 ? nothing : unreadPart(unread)}
        <div class="report"></div>
        <div class="announcer" role="status" aria-live="polite">${this.announced}</div>
      </main>
    `;
  }

  readonly #choose = (runs: readonly RunRow[], inReport: boolean): void => {
    this.left = leftAfter(this.left, runs, inReport);
    choose(this.left);
  };
}

function none(stores: readonly string[]): TemplateResult {
  if (stores.length === 0) return html`<p>No folder is open. Runs are kept in <code>.quantwright/runs</code> of a workspace folder.</p>`;
  return html`<p>No run was kept yet in <code>${stores.join(', ')}</code>. <code>quantwright eval ppl MODEL_DIR --text FILE</code> makes one.</p>`;
}

function unreadPart(unread: readonly UnreadRun[]): TemplateResult {
  return html`
    <section aria-labelledby="unread">
      <h2 id="unread">Not read</h2>
      <ul>${unread.map(({ file, id, problem }) => html`<li><button class="link" @click=${() => post({ type: 'open', file })}>${id}</button>: ${problem}</li>`)}</ul>
    </section>`;
}
