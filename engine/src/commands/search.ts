// quantwright search MODEL_DIR --config FILE --out FILE: what `quant_method: "auto"`, or smoothquant's alpha "auto", finds, as an ordinary config to read and edit.
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { parseJsonObject } from '../checkpoint/json-file.ts';
import { EngineError, fileError } from '../errors.ts';
import { loadBinding } from '../jobs/binding.ts';
import { type JudgedJob, judgeJob } from '../pipeline/judge.ts';
import { asksForAlpha, searchAlpha } from '../search/alpha/search.ts';
import { configWithAlpha } from '../search/found-config.ts';
import { type SearchHooks, type SearchPlace, type SearchReport, searchRecipe } from '../search/search.ts';
import { alphaLines } from './quantize.ts';
import { exitCodes, runCommand } from './run-command.ts';
import { table } from './table.ts';
import { statusLine, type Terminal } from './terminal.ts';

interface Options {
  readonly config: string;
  readonly out: string;
  readonly calibration?: string;
  readonly json?: boolean;
}

export function searchCommand(terminal: Terminal): Command {
  return new Command('search')
    .description('find the bits and group sizes that lose least within a size, or the alpha of smoothquant')
    .argument('<model-dir>', 'directory with config.json and safetensors weights')
    .requiredOption('--config <file>', 'config with quant_method "auto" and target_bits, or with smoothquant\'s alpha "auto"')
    .requiredOption('--out <file>', 'gets the config that was found, such as found.quant.json')
    .option('--calibration <file>', "text to measure on; comes before the config's")
    .option('--json', 'progress and result as JSON lines')
    .action((modelDir: string, options: Options) => runCommand(terminal, { json: options.json ?? false }, () => search(terminal, modelDir, options)));
}

async function search(terminal: Terminal, modelDir: string, options: Options): Promise<number> {
  const job = await judgeJob(options.config, modelDir);
  const forAlpha = asksForAlpha(job.recipe);
  if (!forAlpha && (job.recipe.search === null || job.recipe.search === undefined)) {
    const needs = 'a search needs "quant_method": "auto" and "target_bits", or smoothquant with "alpha": "auto"';
    throw new EngineError('input', `${options.config} has settings already; ${needs}`, { file: options.config });
  }
  const line = statusLine(terminal);
  try {
    const place = {
      modelDir,
      configPath: options.config,
      foundPath: options.out,
      ...(options.calibration === undefined ? {} : { calibrationPath: options.calibration }),
    };
    const hooks: SearchHooks = {
      binding: await loadBinding(),
      signal: terminal.signal,
      onProgress: (progress) => {
        if (options.json) terminal.out(`${JSON.stringify({ event: 'progress', ...progress })}\n`);
        else if (progress.phase === 'search') line.show(`part ${progress.partsDone}/${progress.parts}`);
      },
    };
    const found = await (forAlpha ? alphaOf(job, place, hooks) : settingsOf(job, place, hooks));
    await writeFile(options.out, found.text).catch((cause: unknown) => {
      throw fileError('write', options.out, cause);
    });
    line.clear();
    for (const warning of [...job.warnings, ...found.warnings]) terminal.err(`warning: ${warning}\n`);
    terminal.out(options.json ? `${JSON.stringify({ event: 'result', file: options.out, ...found.result })}\n` : found.words);
    return exitCodes.ok;
  } finally {
    line.clear();
  }
}

interface Found {
  /** An ordinary config. */
  readonly text: string;
  /** For programs, and for people. */
  readonly result: object;
  readonly words: string;
  readonly warnings: readonly string[];
}

async function settingsOf(job: JudgedJob, place: SearchPlace, hooks: SearchHooks): Promise<Found> {
  const { search } = job.recipe;
  if (search === null || search === undefined) throw new Error('the recipe asks for no search');
  const report = await searchRecipe(job, search, place, hooks);
  const { text, warnings, ...result } = report;
  return { text, result, words: reportText(place.foundPath, report), warnings };
}

async function alphaOf(job: JudgedJob, place: SearchPlace, hooks: SearchHooks): Promise<Found> {
  const { curve, warnings } = await searchAlpha(job, place, hooks);
  const text = configWithAlpha(parseJsonObject(job.text, place.configPath), curve.chosen, place);
  return { text, result: { alphas: curve }, words: [`${place.foundPath}:`, ...alphaLines(curve), ''].join('\n'), warnings };
}

function reportText(file: string, { parts, bitsPerWeight, expectedNats }: SearchReport): string {
  const settings = parts[0]?.candidates.map((candidate) => candidate.settings) ?? [];
  const rows = parts.map((part) => [shortName(part.modules), part.chosen, ...part.candidates.map(({ nats }) => nats.toPrecision(2))]);
  return [
    table([{ title: 'linears' }, { title: 'chosen' }, ...settings.map((title) => ({ title, align: 'right' as const }))], rows),
    `${file}: ${bitsPerWeight.toFixed(3)} bits/weight, about ${expectedNats.toPrecision(3)} nats per token lost (columns: nats lost when only that part is quantized so)`,
    '',
  ].join('\n');
}

/** model.layers.3.self_attn.q_proj and two more -> 3 q_proj k_proj v_proj */
function shortName(modules: readonly string[]): string {
  const block = /\.(\d+)\./.exec(modules[0] ?? '')?.[1];
  return [...(block === undefined ? [] : [block]), ...modules.map((module) => module.replace(/^.*\./, ''))].join(' ');
}
