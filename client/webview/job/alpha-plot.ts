// Perplexity by SmoothQuant's alpha: a mark for each that was tried, another shape for the chosen one, and a broken line for the model as it was.

import { linearScale, points } from '@quantwright/schemas/report/scale';
import type { AlphaCurve } from '@quantwright/schemas/rpc/engine';
import { svg, type TemplateResult } from 'lit';
import { frame, plotHeight, plotWidth } from './plot-frame.ts';

export function alphaPlot(curve: AlphaCurve): TemplateResult {
  const tried = [...curve.alphas].sort((a, b) => a.alpha - b.alpha);
  const finite = tried.filter(({ perplexity }) => Number.isFinite(perplexity));
  const right = plotWidth - frame.right;
  const x = linearScale(
    tried.map(({ alpha }) => alpha),
    frame.left + 12,
    right - 12,
    8,
  );
  const y = linearScale([...finite.map(({ perplexity }) => perplexity), curve.floatPerplexity], plotHeight - frame.bottom - 8, frame.top + 8);
  const base = y.at(curve.floatPerplexity);
  const chosen = finite.find(({ alpha }) => alpha === curve.chosen);
  return svg`
    <svg class="plot" viewBox="0 0 ${plotWidth} ${plotHeight}" role="img" aria-label=${alphaWords(curve)}>
      ${y.ticks.map(
        (tick) => svg`<line class="grid" x1=${frame.left} x2=${right} y1=${y.at(tick)} y2=${y.at(tick)} />
        <text class="tick" x=${frame.left - 6} y=${y.at(tick)} text-anchor="end" dominant-baseline="middle">${tick}</text>`,
      )}
      ${x.ticks.map((tick) => svg`<text class="tick" x=${x.at(tick)} y=${plotHeight - frame.bottom + 16} text-anchor="middle">${tick}</text>`)}
      <path class="axis" d="M ${frame.left} ${frame.top} V ${plotHeight - frame.bottom} H ${right}" />
      <text class="tick" x=${(frame.left + right) / 2} y=${plotHeight - 4} text-anchor="middle">alpha</text>
      <line class="base" x1=${frame.left} x2=${right} y1=${base} y2=${base} />
      <text class="tick" x=${right} y=${base - 5} text-anchor="end">unquantized ${curve.floatPerplexity.toFixed(3)}</text>
      <polyline class="curve" points=${points(
        finite.map(({ alpha }) => x.at(alpha)),
        finite.map(({ perplexity }) => y.at(perplexity)),
      )} />
      ${finite.map(({ alpha, perplexity }) => svg`<circle class="mark" cx=${x.at(alpha)} cy=${y.at(perplexity)} r="3.5" />`)}
      ${chosen === undefined ? svg`` : diamond(x.at(chosen.alpha), y.at(chosen.perplexity))}
    </svg>`;
}

function diamond(x: number, y: number): TemplateResult {
  return svg`<path class="chosen" d="M ${x} ${y - 8} L ${x + 8} ${y} L ${x} ${y + 8} L ${x - 8} ${y} Z" />`;
}

/** What the picture shows, for those who do not see it; the table below it has the numbers. */
export function alphaWords({ chosen, alphas, floatPerplexity }: AlphaCurve): string {
  const best = alphas.find(({ alpha }) => alpha === chosen);
  const worst = alphas.reduce((most, one) => (one.perplexity > most.perplexity ? one : most), alphas[0] ?? { alpha: chosen, perplexity: 0 });
  return (
    `Perplexity on held-out text for ${alphas.length} alphas: least with ${chosen} (${best?.perplexity.toFixed(4) ?? 'not known'}), ` +
    `most with ${worst.alpha} (${worst.perplexity.toFixed(4)}); ${floatPerplexity.toFixed(4)} unquantized.`
  );
}
