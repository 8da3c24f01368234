// Needle in a haystack: score by depth and length of the context. The heat map is a table: every cell has its number beside its shade.
import type { Run } from '../runs/run.ts';
import { percent } from './figures.ts';
import { type Html, html } from './html.ts';
import { key } from './marks.ts';
import type { Subject } from './subjects.ts';

type Needle = Extract<Run, { readonly kind: 'needle' }>;

const shades = 6;

export function needleMaps(subjects: readonly Subject[]): Html | null {
  const maps = subjects.flatMap((subject) => {
    const run = subject.runs.filter((one): one is Needle => one.kind === 'needle').at(-1);
    return run === undefined ? [] : [mapOf(subject, run)];
  });
  if (maps.length === 0) return null;
  return html`<section id="needle" aria-labelledby="needle-title"><h2 id="needle-title">Needle in a haystack</h2>
<p>How much of the needle the answer has, by where it stands (0 % is the beginning) and how long the context is. Stronger shades are better; every cell has its number.</p>
<div class="charts">${maps}</div></section>`;
}

function mapOf(subject: Subject, { result }: Needle): Html {
  return html`<div><div class="scroll" role="region" aria-label="needle scores of ${subject.label}" tabindex="0"><table class="heat">
<caption>${key(subject.number)} <strong>${subject.label}</strong></caption>
<thead><tr><th scope="col">depth</th>${result.lengths.map((length) => html`<th scope="col">${length} tokens</th>`)}</tr></thead>
<tbody>${result.depths.map(
    (depth, row) =>
      html`<tr><th scope="row">${Math.round(100 * depth)} %</th>${result.lengths.map((_, column) => {
        const score = result.scores[column]?.[row] ?? null;
        return score === null
          ? html`<td class="figure">–</td>`
          : html`<td class="figure n${Math.round(Math.min(Math.max(score, 0), 1) * (shades - 1))}">${percent(score)}</td>`;
      })}</tr>`,
  )}</tbody></table></div>
${
  result.answers.length === 0
    ? null
    : html`<details><summary>Answers</summary><p>Needle: <q>${result.needle}</q> Question: <q>${result.question}</q></p><ul>${result.answers.map(({ length, depth, answer }) => html`<li>${length} tokens, ${Math.round(100 * depth)} %: <q>${answer}</q></li>`)}</ul></details>`
}</div>`;
}
