// The wire to the extension: typed both ways, acquired once, as the editor allows.
import type { FromJob, ToJob } from '@quantwright/schemas/rpc/job-view';

declare function acquireVsCodeApi(): { postMessage(message: FromJob): void };

const editor = acquireVsCodeApi();

export function post(message: FromJob): void {
  editor.postMessage(message);
}

export function onMessage(receive: (message: ToJob) => void): void {
  window.addEventListener('message', (event: MessageEvent<ToJob>) => receive(event.data));
}
