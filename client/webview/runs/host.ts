// The wire to the extension: typed both ways, acquired once, as the editor allows. What was left out of the report survives hiding the view.
import type { FromRuns, ToRuns } from '@quantwright/schemas/rpc/runs-view';

interface Kept {
  readonly left: readonly string[];
}
declare function acquireVsCodeApi(): { postMessage(message: FromRuns): void; getState(): Kept | undefined; setState(state: Kept): void };

const editor = acquireVsCodeApi();

export function post(message: FromRuns): void {
  editor.postMessage(message);
}

export function onMessage(receive: (message: ToRuns) => void): void {
  window.addEventListener('message', (event: MessageEvent<ToRuns>) => {
    if (event.data.type === 'runs') receive(event.data);
  });
}

/** Files of the runs that the user has taken out of the report. */
export function keptLeft(): readonly string[] {
  return editor.getState()?.left ?? [];
}

export function choose(left: readonly string[]): void {
  editor.setState({ left });
  post({ type: 'choose', left });
}
