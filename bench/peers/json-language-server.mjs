// The peer of diagnostics.mjs: the JSON validation of VS Code (vscode-json-languageservice) behind the plainest server there can be: every change is
// validated at once and published. Usage: node json-language-server.mjs SCHEMAS.json --stdio, with [{ "fileMatch": [...], "schema": {...} }].
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { getLanguageService, TextDocument } = require('vscode-json-languageservice');
const { createConnection, TextDocumentSyncKind, TextDocuments } = require('vscode-languageserver/node');
const schemas = JSON.parse(readFileSync(process.argv[2], 'utf8')).map((entry, index) => ({ uri: `schema://bench/${index}`, ...entry }));
const service = getLanguageService({});
service.configure({ validate: true, allowComments: true, schemas });

const connection = createConnection(process.stdin, process.stdout);
const documents = new TextDocuments(TextDocument);
connection.onInitialize(() => ({ capabilities: { textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental } } }));
documents.onDidChangeContent(async ({ document }) => {
  const { uri, version } = document;
  const diagnostics = await service.doValidation(document, service.parseJSONDocument(document), { comments: 'ignore' });
  await connection.sendDiagnostics({ uri, version, diagnostics });
});
documents.listen(connection);
connection.listen();
