// Commands Show Engine Log and Restart Engine, and the notifications of the engine's crashes: what stopped, what was lost, what happens next.
import { ProgressLocation, window } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import type { EngineCrash, EngineState, EngineSupervisor } from '../../engine/engine-supervisor.ts';
import { crashWords, restartingWords } from './crash-words.ts';

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

/** A notification cannot be changed, one with progress ends by itself: so the words about the restart never outlive it. */
async function tellCrash(context: QuantwrightContext, crash: EngineCrash): Promise<void> {
  if (!crash.willRestart) {
    context.log.error(crashWords(crash, 'down'));
    const answer = await window.showErrorMessage(crashWords(crash, 'down'), restart, showLog);
    if (answer === restart) await restartEngine(context);
    if (answer === showLog) context.log.show();
    return;
  }
  context.log.error(`The engine stopped: ${crash.reason}. It is being restarted. Running were: ${crash.lost.join(', ') || 'no jobs'}.`);
  const outcome = afterRestart(context.engine);
  await window.withProgress({ location: ProgressLocation.Notification, title: restartingWords }, () => outcome);
  // Another crash is told by itself, and whoever stopped or restarted the engine meanwhile knows it.
  if ((await outcome) !== 'running') return;
  const answer = await window.showWarningMessage(crashWords(crash, 'restarted'), showLog);
  if (answer === showLog) context.log.show();
}

/** What became of the restart that a crash has announced; `waiting` after one more crash. */
function afterRestart(engine: EngineSupervisor): Promise<EngineState['tag']> {
  return new Promise((resolve) => {
    const listener = engine.onDidChangeState(({ tag }) => {
      if (tag === 'starting') return;
      listener.dispose();
      resolve(tag);
    });
  });
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
