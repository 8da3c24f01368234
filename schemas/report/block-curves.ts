// Error along the blocks: SQNR of what leaves each block against the original's, with what those before it left. One line for each subject, and the same numbers
// in a table.
import type { Run } from '../runs/run.ts';
import { axes, plot, plotBottom, plotLeft, plotRight, plotTop, withRoom } from './axes.ts';
import { fixed, isFigure } from './figures.ts';
import { type Html, html } from './html.ts';
import { dash, key, mark, markClass } from './marks.ts';
import { linearScale, points } from './scale.ts';
import type { Subject } from './subjects.ts';

type Distance = Extract<Run, { readonly kind: 'distance' }>;
interface Curve {
  readonly subject: Subject;
  readonly run: Distance;
}

export function blockCurves(subjects: readonly Subject[]): Html | null {
  const curves = subjects.flatMap((subject): readonly Curve[] => {
    const run = subject.runs.filter((one): one is Distance => one.kind === 'distance').at(-1);
    return run === undefined || run.result.blocks.length === 0 ? [] : [{ subject, run }];
  });
  const values = curves.flatMap(({ run }) => run.result.blocks.map(({ sqnrDb }) => sqnrDb)).filter(isFigure);
  if (values.length === 0) return null;
  const blocks = [...new Set(curves.flatMap(({ run }) => run.result.blocks.map(({ block }) => block)))].sort((a, b) => a - b);
  const x = linearScale(blocks, plotLeft + 12, plotRight - 16);
  const y = linearScale(withRoom(values), plotBottom, plotTop);
  const whole = { ...x, ticks: x.ticks.filter(Number.isInteger) };
  return html`<section id="blocks" aria-labelledby="blocks-title"><h2 id="blocks-title">Error along the blocks</h2>
<p>SQNR of what leaves each block against the unquantized model on the same text; higher is better, and errors add up from left to right.</p>
<figure><svg viewBox="0 0 ${plot.width} ${plot.height}" role="img" aria-label="SQNR by block of ${curves.length} models; the table below has the numbers">
${axes({ scale: whole, name: 'block', text: String }, { scale: y, name: 'SQNR, dB', text: (value) => String(value) })}
${curves.map(({ subject, run }) => {
  const shown = run.result.blocks.filter(({ sqnrDb }) => isFigure(sqnrDb));
  const [xs, ys] = [shown.map(({ block }) => x.at(block)), shown.map(({ sqnrDb }) => y.at(sqnrDb))];
  return html`<polyline class="curve ${markClass(subject.number)}" stroke-dasharray="${dash(subject.number)}" points="${points(xs, ys)}"/>
${xs.map((px, at) => mark(subject.number, px, ys[at] ?? 0, 4))}<text class="tag" x="${((xs.at(-1) ?? 0) + 7).toFixed(1)}" y="${((ys.at(-1) ?? 0) + 4).toFixed(1)}">${subject.number}</text>`;
})}
</svg><figcaption>${curves.map(({ subject }) => html`<span class="entry">${key(subject.number)} ${subject.label}</span> `)}</figcaption></figure>
<details><summary>Numbers by block</summary><div class="scroll" role="region" aria-label="SQNR by block" tabindex="0"><table>
<thead><tr><th scope="col">SQNR, dB (cosine)</th>${blocks.map((block) => html`<th scope="col">block ${block}</th>`)}</tr></thead>
<tbody>${curves.map(
    ({ subject, run }) =>
      html`<tr><th scope="row">${key(subject.number)} ${subject.label}</th>${blocks.map((block) => {
        const found = run.result.blocks.find((one) => one.block === block);
        return html`<td class="figure">${found === undefined ? '–' : `${fixed(found.sqnrDb, 2)} (${fixed(found.cosine, 5)})`}</td>`;
      })}</tr>`,
  )}</tbody></table></div></details>
${worstModules(curves)}</section>`;
}

const worstShown = 8;

/** The modules whose inputs are furthest off, which is where a setting of their own would help. */
function worstModules(curves: readonly Curve[]): Html {
  return html`<details><summary>Modules with the largest error of their inputs</summary><div class="scroll" role="region" aria-label="modules with the largest error" tabindex="0"><table>
<thead><tr><th scope="col">model</th><th scope="col">module</th><th scope="col">SQNR, dB</th><th scope="col">MSE</th><th scope="col">cosine</th></tr></thead><tbody>
${curves.flatMap(({ subject, run }) =>
  [...run.result.modules]
    .sort((a, b) => a.sqnrDb - b.sqnrDb)
    .slice(0, worstShown)
    .map(
      ({ module, sqnrDb, mse, cosine }) =>
        html`<tr><th scope="row">${key(subject.number)} ${subject.label}</th><td><code>${module}</code></td><td class="figure">${fixed(sqnrDb, 2)}</td><td class="figure">${mse.toExponential(2)}</td><td class="figure">${fixed(cosine, 5)}</td></tr>`,
    ),
)}</tbody></table></div></details>`;
}
