// The job view: state in, elements out, the user's actions to the extension. Renders into the document itself, so that one style sheet and the
// editor's theme variables reach everything.
import type { ToJob } from '@quantwright/schemas/rpc/job-view';
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { alphaPart, trainingPart } from './curves.ts';
import { onMessage, post } from './host.ts';
import { type Curve, initialState, type JobState, reduce } from './job-state.ts';
import { lossWordsOf } from './loss-plot.ts';

export class JobApp extends LitElement {
  static override properties = { job: { state: true }, looked: { state: true } };
  declare job: JobState;
  /** Block whose losses the user asked for; undefined: those of the block that is trained. */
  declare looked: number | null | undefined;

  constructor() {
    super();
    this.job = initialState;
    this.looked = undefined;
    onMessage((message: ToJob) => {
      if (message.type === 'job') this.looked = undefined;
      this.job = reduce(this.job, message);
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    post({ type: 'ready' });
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override updated(changed: PropertyValues): void {
    const before = changed.get('job') as JobState | undefined;
    if (before !== undefined) this.#announce(before);
  }

  protected override render(): TemplateResult {
    const { head, ending, line, percent, known } = this.job;
    if (!known) return html`<main class="job" aria-busy="true"></main>`;
    if (head === null) return html`<main class="job"><p class="none">No model was quantized yet. Run “Quantwright: Quantize Model...”.</p></main>`;
    const shown = this.#shown();
    return html`
      <main class="job" aria-busy=${ending === null ? 'true' : 'false'} ?data-done=${ending !== null}>
        <h1>${headings[ending?.state ?? 'running']} ${head.model}</h1>
        <p class="from">by ${head.config}</p>
        <div class="bar" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(percent)}>
          <span .style=${`width: ${percent}%`}></span>
        </div>
        <p class="line ${ending?.state ?? ''}">${ending === null ? `${line}` : ending.words}</p>
        ${actions(this.job)}
        ${shown === undefined ? nothing : trainingPart(this.job.curves, shown, this.#look)}
        ${ending?.alphas ? alphaPart(ending.alphas) : nothing}
        ${ending === null || ending.warnings.length === 0 ? nothing : warnings(ending.warnings)}
        <div class="announcer" role="status" aria-live="polite"></div>
      </main>
    `;
  }

  #shown(): Curve | undefined {
    const { curves } = this.job;
    return (this.looked === undefined ? undefined : curves.find(({ block }) => block === this.looked)) ?? curves.at(-1);
  }

  readonly #look = (block: number | null): void => {
    // Asking for the block that is trained follows it again.
    this.looked = block === this.job.curves.at(-1)?.block ? undefined : block;
  };

  /** Screen readers get a sentence when a block is done and when the job ends, not every step. */
  #announce(before: JobState): void {
    const announcer = this.querySelector('.announcer');
    const done = this.job.curves.find((curve, at) => curve.losses.length === curve.steps && (before.curves[at]?.losses.length ?? 0) < curve.steps);
    const words = before.ending === null && this.job.ending !== null ? this.job.ending.words : done === undefined ? null : lossWordsOf(done);
    if (announcer !== null && words !== null) announcer.textContent = words;
  }
}

const headings = { running: 'Quantizing', done: 'Quantized', failed: 'Could not quantize', cancelled: 'Cancelled quantizing' } as const;

function actions({ ending }: JobState): TemplateResult {
  if (ending === null)
    return html`<p class="actions"><vscode-button class="cancel" secondary @click=${() => post({ type: 'cancel' })}>Cancel</vscode-button></p>`;
  if (ending.state !== 'done') return html``;
  return html`
    <p class="actions">
      <vscode-button @click=${() => post({ type: 'chat' })}>Chat now</vscode-button>
      <vscode-button secondary @click=${() => post({ type: 'reveal' })}>Reveal</vscode-button>
    </p>`;
}

function warnings(told: readonly string[]): TemplateResult {
  return html`
    <section aria-labelledby="warnings"><h2 id="warnings">Warnings</h2><ul>${told.map((warning) => html`<li>${warning}</li>`)}</ul></section>`;
}
