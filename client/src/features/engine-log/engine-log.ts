// Commands Show Engine Log and Restart Engine, and the notifications of the engine's crashes: what stopped, what was lost, what happens next.
import { window } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import type { EngineCrash } from '../../engine/engine-supervisor.ts';
import { crashWords } from './crash-words.ts';

const showLog = 'Show Engine Log';
const restart = 'Restart Engine';

export function activate(context: QuantwrightContext): void {
  context.command('quantwright.showEngineLog', () => context.log.show());
  context.command('quantwright.restartEngine', () => restartEngine(context));
  context.own(
    context.engine.onDidChangeState((state) => {
      if (state.tag === 'running') {
        const { ready, pid } = state.engine;
        context.log.info(
          `Engine ${ready.version} runs as process ${pid}: SIMD ${ready.simd ?? `none (${ready.simdReason})`}, CUDA ${ready.cuda ?? `none (${ready.cudaReason})`}.`,
        );
      } else if (state.tag === 'failed') context.log.error(state.reason);
    }),
  );
  context.own(context.engine.onDidCrash((crash) => void tellCrash(context, crash)));
}

async function tellCrash(context: QuantwrightContext, crash: EngineCrash): Promise<void> {
  const words = crashWords(crash);
  context.log.error(words);
  const show = crash.willRestart ? window.showWarningMessage : window.showErrorMessage;
  const answer = await show(words, ...(crash.willRestart ? [showLog] : [restart, showLog]));
  if (answer === showLog) context.log.show();
  if (answer === restart) await restartEngine(context);
}

async function restartEngine(context: QuantwrightContext): Promise<void> {
  if (!context.mayUseEngine('Starting the engine')) return;
  try {
    await context.engine.restart();
    void window.showInformationMessage('The Quantwright engine was restarted.');
  } catch (error) {
    const answer = await window.showErrorMessage(`The engine could not be started: ${error instanceof Error ? error.message : String(error)}`, showLog);
    if (answer === showLog) context.log.show();
  }
}
