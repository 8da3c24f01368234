// The engine process: JSON-RPC over stdio (schemas/rpc/engine.ts). stdout carries messages only. Ends when its parent does.
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import { serve } from './rpc/server.ts';

// A defect ends the process with its stack on stderr, which the client shows; going on with unknown state could write wrong files.
process.on('uncaughtException', (error) => {
  process.stderr.write(`engine: ${error.stack ?? error.message}\n`);
  process.exit(70);
});
process.on('unhandledRejection', (reason) => {
  process.stderr.write(`engine: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}\n`);
  process.exit(70);
});
// The terminal's Ctrl+C reaches the whole process group; the parent decides what happens, and its end closes stdin.
process.on('SIGINT', () => {});
// As if the parent had gone: running jobs clean up first.
process.on('SIGTERM', () => process.stdin.destroy());

const connection = createMessageConnection(new StreamMessageReader(process.stdin), new StreamMessageWriter(process.stdout));
void serve(connection, (code) => process.exit(code));
