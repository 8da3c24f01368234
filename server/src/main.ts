// Process entry of the language server: arguments, connection, and nothing else. Bundled to dist/server.js (CommonJS).
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { parseArguments } from './arguments.ts';
import { documentationDirectory } from './process/documentationDirectory.ts';
import { createFiles, createModelFilesReader } from './process/files.ts';
import { startServer } from './process/server.ts';

const start = parseArguments(process.argv.slice(2));
if (start.kind === 'print') {
  (start.exitCode === 0 ? process.stdout : process.stderr).write(start.text);
  process.exitCode = start.exitCode;
} else {
  const connection = createConnection(ProposedFeatures.all);
  // A promise nobody awaited must not end the server: it is a fault of ours, not of the document.
  process.on('unhandledRejection', (reason) => connection.console.error(`Unhandled rejection: ${String(reason)}`));
  process.on('uncaughtException', (error) => connection.console.error(`Uncaught exception: ${error.stack ?? error.message}`));
  startServer(connection, {
    files: createFiles(),
    modelFiles: createModelFilesReader(),
    documentation: documentationDirectory(process.argv[1]),
  });
}
