// engine/stats and engine/distance: block by block through the files of the models, so that no loaded model is needed; one job at a time for a model. With a
// store the result is appended to it.
import { type AnalysisParams, analysisProgress, distance, stats } from '@quantwright/schemas/rpc/engine';
import type { RunResult } from '@quantwright/schemas/runs/run';
import type { MessageConnection } from 'vscode-jsonrpc';
import { measureDistance } from '../eval/statistics/distance.ts';
import { measureStats, type StatsOptions } from '../eval/statistics/stats.ts';
import { readSourcedText, type SourcedText } from '../eval/text-source.ts';
import { loadBinding } from '../jobs/binding.ts';
import { runContext, runModelOf } from '../runs/context.ts';
import { finite } from '../runs/store.ts';
import { handle, progressSender } from './request.ts';
import type { EngineServices } from './services.ts';

export function serveAnalysis(connection: MessageConnection, services: EngineServices): void {
  async function analyse<Kind extends 'stats' | 'distance', R extends RunResult & { readonly kind: Kind }>(
    kind: Kind,
    params: AnalysisParams,
    callerSignal: AbortSignal,
    measure: (text: SourcedText, options: StatsOptions) => Promise<R>,
  ): Promise<R['result'] & { readonly run: string | null }> {
    const { modelDir, textPath, sequences, length, store, progressToken } = params;
    const key = await services.models.key(modelDir);
    return services.queue.run(kind, key, callerSignal, async (signal) => {
      const text = await readSourcedText(textPath, 'file');
      const context = store === undefined ? null : runContext({ store, command: commandOf(kind, params) });
      const measured = await measure(text, {
        binding: await loadBinding(),
        ...(sequences === undefined ? {} : { sequences }),
        ...(length === undefined ? {} : { length }),
        signal,
        onProgress: progressSender(connection, analysisProgress, progressToken),
      });
      const run = context === null ? null : await context.append(measured, await runModelOf(modelDir, 'f32', process.cwd()));
      const result: R['result'] = JSON.parse(JSON.stringify(measured.result, finite));
      return { ...result, run: run?.id ?? null };
    });
  }
  handle(connection, stats, (params, signal) =>
    analyse('stats', params, signal, async (text, options) => ({
      kind: 'stats',
      result: await measureStats(params.modelDir, text, { ...options, reference: params.reference }),
    })),
  );
  handle(connection, distance, (params, signal) =>
    analyse('distance', params, signal, async (text, options) => ({
      kind: 'distance',
      result: await measureDistance(params.modelDir, params.reference, text, options),
    })),
  );
}

/** What repeats it in a terminal. */
function commandOf(kind: string, { modelDir, reference, textPath, sequences, length }: AnalysisParams): readonly string[] {
  return [
    'eval',
    kind,
    modelDir,
    ...(reference === undefined ? [] : ['--reference', reference]),
    '--text',
    textPath,
    ...(sequences === undefined ? [] : ['--sequences', `${sequences}`]),
    ...(length === undefined ? [] : ['--length', `${length}`]),
  ];
}
