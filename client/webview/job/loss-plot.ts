// The losses of a block while it is trained: every step as a thin line, the mean of the last ten as a thick one. Told apart by width, not by colour.

import { linearScale, lossScale, points } from '@quantwright/schemas/report/scale';
import { svg, type TemplateResult } from 'lit';
import { type Curve, changeWords, curveName, ends, lossWords, smoothed } from './job-state.ts';
import { frame, plotHeight, plotWidth } from './plot-frame.ts';

export function lossPlot(curve: Curve): TemplateResult {
  const { losses, steps } = curve;
  const means = smoothed(losses);
  const x = linearScale([1, Math.max(2, steps)], frame.left, plotWidth - frame.right);
  const y = lossScale(losses, plotHeight - frame.bottom, frame.top);
  const xs = losses.map((_, at) => x.at(at + 1));
  const last = means.at(-1) ?? 0;
  const lastX = xs.at(-1) ?? frame.left;
  return svg`
    <svg class="plot" viewBox="0 0 ${plotWidth} ${plotHeight}" role="img" aria-label=${lossWordsOf(curve)}>
      ${y.ticks.map(
        (tick) => svg`<line class="grid" x1=${frame.left} x2=${plotWidth - frame.right} y1=${y.at(tick)} y2=${y.at(tick)} />
        <text class="tick" x=${frame.left - 6} y=${y.at(tick)} text-anchor="end" dominant-baseline="middle">${lossWords(tick)}</text>`,
      )}
      ${x.ticks.map((tick) => svg`<text class="tick" x=${x.at(tick)} y=${plotHeight - frame.bottom + 16} text-anchor="middle">${tick}</text>`)}
      <path class="axis" d="M ${frame.left} ${frame.top} V ${plotHeight - frame.bottom} H ${plotWidth - frame.right}" />
      <text class="tick" x=${(frame.left + plotWidth - frame.right) / 2} y=${plotHeight - 4} text-anchor="middle">step</text>
      <polyline class="each" points=${points(xs, losses.map(y.at))} />
      <polyline class="mean" points=${points(xs, means.map(y.at))} />
      <circle class="here" cx=${lastX} cy=${y.at(last)} r="4" />
    </svg>`;
}

/** What the picture shows, for those who do not see it. */
export function lossWordsOf(curve: Curve): string {
  const { first, last } = ends(curve);
  const scale = lossScale(curve.losses, 1, 0).logarithmic ? ', on a logarithmic axis' : '';
  const far = `${curve.losses.length} of ${curve.steps} steps`;
  return `Loss of ${curveName(curve)} over ${far}${scale}: from ${lossWords(first)} to ${lossWords(last)}, ${changeWords(first, last)}.`;
}
