// A language server process as a client sees it: started, opened, typed into, with the time until its diagnostics of that version arrive.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';

const { createMessageConnection, StreamMessageReader, StreamMessageWriter } = createRequire(import.meta.url)('vscode-jsonrpc/node');

export async function startServer(args, initializationOptions = {}) {
  const begun = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const connection = createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
  const waiting = new Map();
  const ended = new Promise((_, reject) => child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code}`))));
  ended.catch(() => undefined);
  connection.onNotification('textDocument/publishDiagnostics', ({ uri, version, diagnostics }) => waiting.get(`${uri} ${version}`)?.(diagnostics));
  connection.onNotification('window/logMessage', ({ type, message }) => type === 1 && console.error(message));
  connection.listen();
  const initialize = connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {}, initializationOptions });
  await Promise.race([initialize, ended]);
  const initializedMs = performance.now() - begun;
  await connection.sendNotification('initialized', {});

  async function timed(uri, version, method, params) {
    const answer = new Promise((resolve) => waiting.set(`${uri} ${version}`, resolve));
    const start = performance.now();
    await connection.sendNotification(method, params);
    const diagnostics = await Promise.race([answer, ended]);
    return { ms: performance.now() - start, findings: diagnostics.length };
  }
  return {
    begun,
    initializedMs,
    connection,
    open: (uri, text) => timed(uri, 1, 'textDocument/didOpen', { textDocument: { uri, languageId: 'json', version: 1, text } }),
    /** One key stroke: `text` in place of the character at `position`. */
    type: (uri, version, position, text, removed = 1) =>
      timed(uri, version, 'textDocument/didChange', {
        textDocument: { uri, version },
        contentChanges: [{ range: { start: position, end: { line: position.line, character: position.character + removed } }, text }],
      }),
    async stop() {
      await connection.sendRequest('shutdown').catch(() => undefined);
      await connection.sendNotification('exit');
      connection.dispose();
    },
  };
}
