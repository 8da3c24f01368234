// The wire to the extension: typed both ways, acquired once, as the editor allows.
import type { FromChat, ToChat } from '@quantwright/schemas/rpc/webview';

declare function acquireVsCodeApi(): { postMessage(message: FromChat): void };

const editor = acquireVsCodeApi();

export function post(message: FromChat): void {
  editor.postMessage(message);
}

export function onMessage(receive: (message: ToChat) => void): void {
  window.addEventListener('message', (event: MessageEvent<ToChat>) => receive(event.data));
}
