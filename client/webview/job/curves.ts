// The parts of the job view that show what was learned: losses by block, and perplexities by alpha, each with a table of the same numbers.
import type { AlphaCurve } from '@quantwright/schemas/rpc/engine';
import { html, nothing, type TemplateResult } from 'lit';
import { alphaPlot, alphaWords } from './alpha-plot.ts';
import { type Curve, changeWords, curveName, ends, lossWords } from './job-state.ts';
import { lossPlot, lossWordsOf } from './loss-plot.ts';

/** `shown`: the curve in the picture; `show`: called with the block of another. */
export function trainingPart(curves: readonly Curve[], shown: Curve, show: (block: number | null) => void): TemplateResult {
  return html`
    <section aria-labelledby="training">
      <h2 id="training">Loss of ${curveName(shown)}</h2>
      <figure>
        ${lossPlot(shown)}
        <figcaption>
          <span class="key each"></span> each step <span class="key mean"></span> mean of ten <span class="words">${lossWordsOf(shown)}</span>
        </figcaption>
      </figure>
      <table>
        <caption>Losses by block${curves.some(({ result }) => result !== null) ? '; before and after on sequences kept for comparison' : ''}</caption>
        <thead><tr><th scope="col">block</th><th scope="col">steps</th><th scope="col">first loss</th><th scope="col">last loss</th><th scope="col">change</th>
          ${curves.some(({ result }) => result !== null) ? html`<th scope="col">before and after</th>` : nothing}</tr></thead>
        <tbody>${curves.map((curve) => curveRow(curve, curve.block === shown.block, show))}</tbody>
      </table>
    </section>`;
}

function curveRow(curve: Curve, shown: boolean, show: (block: number | null) => void): TemplateResult {
  const { first, last } = ends(curve);
  const { result } = curve;
  return html`
    <tr>
      <th scope="row"><button class="show" aria-pressed=${shown ? 'true' : 'false'} title="Show its losses" @click=${() => show(curve.block)}>${curveName(curve)}</button></th>
      <td>${curve.losses.length} of ${curve.steps}</td><td>${lossWords(first)}</td><td>${lossWords(last)}</td><td>${changeWords(first, last)}</td>
      ${result === null ? nothing : html`<td>${lossWords(result.before)} → ${lossWords(result.after)}, ${changeWords(result.before, result.after)}</td>`}
    </tr>`;
}

export function alphaPart(curve: AlphaCurve): TemplateResult {
  return html`
    <section aria-labelledby="alphas">
      <h2 id="alphas">Perplexity by alpha</h2>
      <figure>
        ${alphaPlot(curve)}
        <figcaption><span class="diamond" aria-hidden="true">◆</span> chosen: ${curve.chosen} <span class="words">${alphaWords(curve)}</span></figcaption>
      </figure>
      <table>
        <caption>On ${curve.tokens} tokens in ${curve.sequences} sequences that were held out of the calibration</caption>
        <thead><tr><th scope="col">alpha</th><th scope="col">perplexity</th><th scope="col">over unquantized</th></tr></thead>
        <tbody>${curve.alphas.map(
          ({ alpha, perplexity }) => html`
          <tr class=${alpha === curve.chosen ? 'best' : ''}>
            <th scope="row">${alpha}${alpha === curve.chosen ? ' ◆ chosen' : ''}</th><td>${perplexity.toFixed(4)}</td>
            <td>${(perplexity - curve.floatPerplexity).toFixed(4)}</td>
          </tr>`,
        )}</tbody>
      </table>
    </section>`;
}
