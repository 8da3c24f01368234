// stdout is the wire: whatever the code or a dependency prints goes to the client's log channel instead.
import { format } from 'node:util';
import { type LogMessage, log } from '@quantwright/schemas/rpc/engine';
import type { MessageConnection } from 'vscode-jsonrpc';

/** Redirects console.*; call before the connection listens. */
export function redirectConsole(connection: MessageConnection): void {
  const send =
    (level: LogMessage['level']) =>
    (...values: readonly unknown[]): void => {
      const message = format(...values);
      connection.sendNotification(log, { level, message }).catch(() => process.stderr.write(`${message}\n`));
    };
  console.log = send('info');
  console.info = send('info');
  console.debug = send('debug');
  console.trace = send('debug');
  console.warn = send('warn');
  console.error = send('error');
}
