// The report: runs -> one HTML document that needs nothing else, neither network nor fonts. Pure; the command line writes it to a file, the editor shows it in a
// webview (where it takes the theme's colours). Its content security policy allows its own script and no request.
import type { Run } from '../runs/run.ts';
import { blockCurves } from './block-curves.ts';
import { type Html, html, trusted } from './html.ts';
import { methodTable } from './method-table.ts';
import { metricsOf } from './metrics.ts';
import { needleMaps } from './needle-maps.ts';
import { outlierMaps } from './outlier-maps.ts';
import { kernelTables, runList } from './run-list.ts';
import { sampleAnswers } from './sample-answers.ts';
import { scatterSection } from './scatter.ts';
import { script, scriptHash } from './script.ts';
import { style } from './style.ts';
import { subjectsOf } from './subjects.ts';

export interface ReportOptions {
  readonly title?: string;
  /** When it was made, as it is to stand there. */
  readonly made?: string;
  /** In words: what is in the store and could not be read. */
  readonly unread?: readonly string[];
}

export interface ReportParts {
  /** How many runs and models, from when. */
  readonly summary: string;
  /** Links to the sections. */
  readonly nav: Html;
  readonly sections: Html;
}

/** What stands between the head and the script: for documents that have a head of their own, such as the editor's view. `unread`: as in ReportOptions. */
export function reportParts(runs: readonly Run[], unread: readonly string[] = []): ReportParts {
  const subjects = subjectsOf(runs);
  const table = metricsOf(subjects);
  const sections: readonly (readonly [id: string, name: string, section: Html | null])[] = [
    ['models', 'Models and metrics', subjects.length === 0 ? null : methodTable(subjects, table)],
    ['size', 'Size and quality', scatterSection(subjects, table)],
    ['blocks', 'Error along the blocks', blockCurves(subjects)],
    ['outliers', 'Outliers', outlierMaps(subjects)],
    ['needle', 'Needle', needleMaps(subjects)],
    ['answers', 'Answers', sampleAnswers(subjects)],
    ['kernels', 'Kernels', kernelTables(runs)],
    ['runs', 'Runs', runList(runs, unread)],
  ];
  const shown = sections.filter(([, , section]) => section !== null);
  return {
    summary: summary(runs, subjects.length),
    nav: html`<nav aria-label="sections"><ul>${shown.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>`,
    sections: html`${shown.map(([, , section]) => section)}`,
  };
}

/** Of no runs too: the document says so. */
export function reportHtml(runs: readonly Run[], { title = 'Quantwright report', made, unread = [] }: ReportOptions = {}): string {
  const parts = reportParts(runs, unread);
  const page = html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${trusted(scriptHash)}'">
<title>${title}</title><style>${trusted(style)}</style></head><body>
<header><h1>${title}</h1><p class="detail">${parts.summary}${made === undefined ? null : ` Made ${made}.`}</p>
${parts.nav}</header>
<main>${runs.length === 0 ? html`<p>There are no runs yet. <code>quantwright eval ppl MODEL_DIR --text FILE</code> makes one.</p>` : null}
${parts.sections}</main>
<script>${trusted(script)}</script></body></html>
`;
  return page.html;
}

function summary(runs: readonly Run[], models: number): string {
  const times = runs.map(({ started }) => started.slice(0, 10)).sort();
  const when = times.length === 0 ? '' : times[0] === times.at(-1) ? `, ${times[0]}` : `, ${times[0]} to ${times.at(-1)}`;
  return `${runs.length === 1 ? '1 run' : `${runs.length} runs`} of ${models === 1 ? '1 model' : `${models} models`}${when}.`;
}
