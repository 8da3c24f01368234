// Every feature of the language server through the protocol: the bundled process, a real connection, and clients of both kinds (those that ask for
// diagnostics and those that are told). What the features say is tested beside them; here it is that they are answered, and how.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { matrix } from '@quantwright/schemas/rpc/server';
import {
  CancellationTokenSource,
  type ClientCapabilities,
  type CodeAction,
  CodeActionRequest,
  CodeLensRequest,
  DidChangeTextDocumentNotification,
  DidChangeWorkspaceFoldersNotification,
  DocumentDiagnosticRequest,
  DocumentLinkRequest,
  DocumentRangeFormattingRequest,
  FoldingRangeRequest,
  InlayHintRequest,
  LSPErrorCodes,
  SelectionRangeRequest,
  type WorkspaceDiagnosticReport,
  WorkspaceDiagnosticRequest,
} from 'vscode-languageserver-protocol/node';
import { type LspClient, type LspOptions, projectRoot, startLsp, wholeRange } from '../support/lspClient.ts';
import { applyTextEdits, positionAt } from '../support/lspText.ts';

const bundle = join(projectRoot, 'dist', 'server.js');
const entry = existsSync(bundle) ? bundle : join(projectRoot, 'server', 'out', 'main.js');

const pulling: ClientCapabilities = {
  textDocument: { diagnostic: {} },
  workspace: {
    diagnostics: { refreshSupport: true },
    codeLens: { refreshSupport: true },
    inlayHint: { refreshSupport: true },
    workspaceFolders: true,
    workspaceEdit: { documentChanges: true, resourceOperations: ['create'] },
  },
};
const bad = '{ "quant_method": "gptqq", "weight_format": "uint4" }';
const good = '{\n  "quant_method": "gptq",\n  "weight_format": "uint4",\n  "group_size": 128,\n  "ignore": ["lm_head", ".*down_proj"]\n}';
const model = JSON.stringify({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  vocab_size: 32000,
  max_position_embeddings: 4096,
  tie_word_embeddings: false,
  torch_dtype: 'float16',
});

async function lspFor(t: TestContext, options: LspOptions = {}): Promise<LspClient> {
  const lsp = await startLsp({ entry, ...options });
  t.after(() => {
    assert.deepEqual(lsp.errors, [], 'nothing was logged as an error');
    lsp.process.kill();
  });
  return lsp;
}

function folderWith(t: TestContext, files: Record<string, string>): { readonly path: string; readonly uri: string; readonly of: (name: string) => string } {
  const path = mkdtempSync(join(tmpdir(), 'quantwright conformance '));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return { path, uri: pathToFileURL(path).href, of: (name) => pathToFileURL(join(path, name)).href };
}

const workspaceDiagnostics = (lsp: LspClient, previousResultIds: { uri: string; value: string }[] = []): Promise<WorkspaceDiagnosticReport> =>
  lsp.connection.sendRequest(WorkspaceDiagnosticRequest.type, { previousResultIds });
const idsOf = ({ items }: WorkspaceDiagnosticReport) => items.flatMap(({ uri, resultId }) => (resultId === undefined ? [] : [{ uri, value: resultId }]));

test('the answer to initialize names what is there, and pulled diagnostics only to clients that pull', async (t) => {
  const { capabilities } = (await lspFor(t, { capabilities: pulling })).initialized;
  for (const one of [
    'completionProvider',
    'hoverProvider',
    'codeActionProvider',
    'codeLensProvider',
    'inlayHintProvider',
    'documentLinkProvider',
    'foldingRangeProvider',
    'selectionRangeProvider',
    'documentSymbolProvider',
    'documentFormattingProvider',
    'documentRangeFormattingProvider',
    'diagnosticProvider',
  ] as const) {
    assert.ok(capabilities[one], one);
  }
  assert.equal((await lspFor(t)).initialized.capabilities.diagnosticProvider, undefined);
});

test('pulled: full, then unchanged, then full again after an edit; nothing is published', async (t) => {
  const lsp = await lspFor(t, { capabilities: pulling });
  const document = await lsp.open('file:///w/my.quant.json', bad);
  let published = 0;
  void document.nextDiagnostics().then(
    () => (published += 1),
    () => undefined,
  );
  const pull = (previousResultId?: string) =>
    lsp.connection.sendRequest(DocumentDiagnosticRequest.type, {
      textDocument: { uri: document.uri },
      ...(previousResultId === undefined ? {} : { previousResultId }),
    });
  const first = await pull();
  assert.ok(first.kind === 'full' && first.items.length > 0 && first.resultId !== undefined);
  assert.equal((await pull(first.resultId)).kind, 'unchanged');
  await document.change(good);
  const after = await pull(first.resultId);
  assert.ok(after.kind === 'full' && after.items.every(({ severity }) => severity !== 1));
  assert.equal(published, 0);
});

test('pushed: an incremental edit changes what is published', async (t) => {
  const lsp = await lspFor(t);
  const document = await lsp.open('file:///w/my.quant.json', bad);
  assert.ok((await document.diagnostics()).some(({ severity }) => severity === 1));
  const at = bad.indexOf('gptqq') + 4;
  const next = document.nextDiagnostics();
  await lsp.connection.sendNotification(DidChangeTextDocumentNotification.type, {
    textDocument: { uri: document.uri, version: 2 },
    contentChanges: [{ range: { start: positionAt(bad, at), end: positionAt(bad, at + 1) }, text: '' }],
  });
  assert.ok((await next).every(({ severity }) => severity !== 1));
});

test('workspace diagnostics cover every folder, tell what changed, and drop what is gone', async (t) => {
  const one = folderWith(t, { 'a/my.quant.json': bad, 'node_modules/x/my.quant.json': bad, 'package.json': '{}', 'b/config.json': model });
  const two = folderWith(t, { 'deep/er/quantize_config.json': '{ "bits": 5, "group_size": 128, "desc_act": false }' });
  const lsp = await lspFor(t, { capabilities: pulling, folders: [one.uri, two.uri] });
  const first = await workspaceDiagnostics(lsp);
  assert.deepEqual(first.items.map(({ uri }) => uri).sort(), [one.of('a/my.quant.json'), two.of('deep/er/quantize_config.json')].sort());
  assert.ok(first.items.every((item) => item.kind === 'full' && item.items.length > 0 && item.version === null));
  const again = await workspaceDiagnostics(lsp, idsOf(first));
  assert.ok(again.items.length === 2 && again.items.every(({ kind }) => kind === 'unchanged'));
  writeFileSync(join(one.path, 'a/my.quant.json'), good);
  rmSync(join(two.path, 'deep'), { recursive: true });
  await lsp.fileChanged(one.of('a/my.quant.json'));
  await lsp.fileChanged(two.of('deep/er/quantize_config.json'));
  const last = await workspaceDiagnostics(lsp, idsOf(first));
  for (const item of last.items) assert.ok(item.kind === 'full' && item.items.every(({ severity }) => severity !== 1), item.uri);
  assert.equal(last.items.length, 2);
});

test('workspace diagnostics take an open document as the editor has it, and a new folder as soon as it is there', async (t) => {
  const one = folderWith(t, { 'my.quant.json': bad });
  const two = folderWith(t, { 'other.quant.json': bad });
  const lsp = await lspFor(t, { capabilities: pulling, folders: [one.uri] });
  await lsp.open(one.of('my.quant.json'), good);
  assert.deepEqual(
    (await workspaceDiagnostics(lsp)).items.filter((item) => item.kind === 'full' && item.items.some(({ severity }) => severity === 1)),
    [],
  );
  await lsp.connection.sendNotification(DidChangeWorkspaceFoldersNotification.type, { event: { added: [{ uri: two.uri, name: 'two' }], removed: [] } });
  assert.ok((await workspaceDiagnostics(lsp)).items.some(({ uri }) => uri === two.of('other.quant.json')));
  await lsp.connection.sendNotification(DidChangeWorkspaceFoldersNotification.type, { event: { added: [], removed: [{ uri: two.uri, name: 'two' }] } });
  assert.ok(!(await workspaceDiagnostics(lsp)).items.some(({ uri }) => uri === two.of('other.quant.json')));
});

test('an untrusted workspace is not searched', async (t) => {
  const folder = folderWith(t, { 'my.quant.json': bad });
  const lsp = await lspFor(t, { capabilities: pulling, folders: [folder.uri], settings: { readNeighbours: false } });
  assert.deepEqual((await workspaceDiagnostics(lsp)).items, []);
});

test('a cancelled request is told so, and the server answers the next', async (t) => {
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`${index}/my.quant.json`, bad]));
  const folder = folderWith(t, files);
  const lsp = await lspFor(t, { capabilities: pulling, folders: [folder.uri] });
  const document = await lsp.open('file:///w/my.quant.json', bad);
  const cancelled = async (ask: (source: CancellationTokenSource) => Promise<unknown>): Promise<boolean> => {
    const source = new CancellationTokenSource();
    const asked = ask(source).then(
      () => false,
      (error: { code?: number }) => {
        assert.equal(error.code, LSPErrorCodes.RequestCancelled);
        return true;
      },
    );
    source.cancel();
    return asked;
  };
  assert.ok(await cancelled(({ token }) => lsp.connection.sendRequest(WorkspaceDiagnosticRequest.type, { previousResultIds: [] }, token)), 'a long request');
  // Short ones may be answered before the cancellation arrives.
  const textDocument = { uri: document.uri };
  await cancelled(({ token }) => lsp.connection.sendRequest(DocumentDiagnosticRequest.type, { textDocument }, token));
  await cancelled(({ token }) => lsp.connection.sendRequest(CodeLensRequest.type, { textDocument }, token));
  assert.ok((await document.hover(5)) !== null);
});

test('settings of severity, suppressed codes and the side file of the project decide what is told, and a change asks clients to pull again', async (t) => {
  const folder = folderWith(t, { 'a/my.quant.json': bad });
  const lsp = await lspFor(t, { capabilities: pulling, folders: [folder.uri] });
  const document = await lsp.open(folder.of('a/my.quant.json'), bad);
  const pull = async () => {
    const report = await lsp.connection.sendRequest(DocumentDiagnosticRequest.type, { textDocument: { uri: document.uri } });
    return report.kind === 'full' ? report.items : [];
  };
  const [first] = await pull();
  assert.ok(first !== undefined && first.severity === 1);
  const code = String(first.code);
  const refreshed = lsp.refreshed.length;
  await lsp.setSettings({ severity: { [code]: 'hint' } });
  assert.equal((await pull()).find((one) => one.code === first.code)?.severity, 4);
  await lsp.setSettings({ severity: {}, suppress: [code] });
  assert.ok((await pull()).every((one) => one.code !== first.code));
  mkdirSync(join(folder.path, '.quantwright'));
  writeFileSync(join(folder.path, '.quantwright/check.json'), JSON.stringify({ severity: { [code]: 'information' } }));
  await lsp.fileChanged(folder.of('.quantwright/check.json'));
  assert.equal((await pull()).find((one) => one.code === first.code)?.severity, 3, 'the file of the project comes before the settings');
  writeFileSync(join(folder.path, '.quantwright/check.json'), JSON.stringify({ suppress: [{ file: 'a/**', code }] }));
  await lsp.setSettings({ severity: {}, suppress: [] });
  await lsp.fileChanged(folder.of('.quantwright/check.json'));
  assert.ok((await pull()).every((one) => one.code !== first.code));
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.ok(
    lsp.refreshed.length > refreshed && lsp.refreshed.includes('workspace/diagnostic/refresh') && lsp.refreshed.includes('workspace/inlayHint/refresh'),
  );
});

test('lenses, hints, links, folds and selections are answered', async (t) => {
  const folder = folderWith(t, { 'config.json': model });
  const lsp = await lspFor(t, { folders: [folder.uri] });
  const text = good.replace('"ignore"', '"calibration": { "dataset": "allenai/c4" },\n  "ignore"');
  const document = await lsp.open(folder.of('my.quant.json'), text);
  const textDocument = { uri: document.uri };
  const lenses = (await lsp.connection.sendRequest(CodeLensRequest.type, { textDocument })) ?? [];
  assert.deepEqual(
    ['quantwright.quantizeModel', 'quantwright.showMatrix'].filter((command) => !lenses.some((lens) => lens.command?.command === command)),
    [],
  );
  assert.ok(lenses.some((lens) => /GB weights/.test(lens.command?.title ?? '')));
  const hints = (await lsp.connection.sendRequest(InlayHintRequest.type, { textDocument, range: wholeRange(text) })) ?? [];
  assert.deepEqual(
    hints.map(({ label }) => String(label)),
    ['= 4.156 bits per weight', '1 module', '32 modules'],
  );
  const links = (await lsp.connection.sendRequest(DocumentLinkRequest.type, { textDocument })) ?? [];
  assert.deepEqual(
    links.map(({ target }) => target),
    ['https://huggingface.co/datasets/allenai/c4'],
  );
  assert.ok(((await lsp.connection.sendRequest(FoldingRangeRequest.type, { textDocument })) ?? []).some(({ startLine }) => startLine === 0));
  const [selection] = (await lsp.connection.sendRequest(SelectionRangeRequest.type, { textDocument, positions: [{ line: 1, character: 6 }] })) ?? [];
  assert.ok(selection?.parent?.parent !== undefined);
});

test('quick fixes, fix all and conversions are edits of a named version; fix all settles overlapping edits', async (t) => {
  const lsp = await lspFor(t, { capabilities: pulling });
  const text = '{ "quant_method": "gptqq", "wieght_format": "uint4", "q_group_size": 128, }';
  const document = await lsp.open('file:///w/my.quant.json', text);
  const actions = async (only: string[] | undefined, range = wholeRange(text)): Promise<CodeAction[]> =>
    ((await lsp.connection.sendRequest(CodeActionRequest.type, {
      textDocument: { uri: document.uri },
      range,
      context: { diagnostics: [], ...(only === undefined ? {} : { only }) },
    })) ?? []) as CodeAction[];
  const [all] = await actions(['source.fixAll.quantwright']);
  const [change] = all?.edit?.documentChanges ?? [];
  assert.ok(change !== undefined && 'edits' in change && change.textDocument.version === 1);
  const edits = change.edits.flatMap((edit) => ('newText' in edit ? [edit] : []));
  assert.deepEqual(JSON.parse(applyTextEdits(text, edits)), { quant_method: 'gptq', weight_format: 'uint4', group_size: 128 });
  assert.ok((await actions(undefined)).some(({ kind, isPreferred }) => kind === 'quickfix' && isPreferred === true));

  await document.change('{ "quant_method": "gptq", "weight_format": "uint4", "group_size": 128, "save_format": "gptq" }');
  const rewrites = await actions(['refactor.rewrite']);
  assert.ok(rewrites.length > 0 && rewrites.every(({ kind }) => kind === 'refactor.rewrite'));
  const created = rewrites.flatMap(({ edit }) => edit?.documentChanges ?? []).find((one) => 'kind' in one && one.kind === 'create');
  assert.ok(created !== undefined, rewrites.map(({ title }) => title).join());
});

test('completion, hover, outline and both kinds of formatting are answered in a document that was never saved', async (t) => {
  const lsp = await lspFor(t);
  const document = await lsp.open('untitled:Untitled-1', '{"quant_method":"gptq",\n"weight_format":""}');
  assert.ok((await document.completion(41)).some(({ label }) => label === 'uint4'));
  assert.ok((await document.hover(4)) !== null);
  assert.equal((await document.symbols()).length, 2);
  assert.equal(await document.format(), '{\n  "quant_method": "gptq",\n  "weight_format": ""\n}');
  const edits = await lsp.connection.sendRequest(DocumentRangeFormattingRequest.type, {
    textDocument: { uri: document.uri },
    range: { start: { line: 1, character: 0 }, end: { line: 1, character: 18 } },
    options: { tabSize: 2, insertSpaces: true },
  });
  assert.ok(edits !== null && edits.length > 0);
  assert.ok((await document.diagnostics()).length > 0);
});

test('an empty document begins with whole configs', async (t) => {
  const lsp = await lspFor(t);
  const document = await lsp.open('untitled:Untitled-2', '');
  const items = await document.completion(0);
  assert.ok(items.length > 0 && items.every(({ kind }) => kind === 15));
});

test('JSON with comments is JSON', async (t) => {
  const lsp = await lspFor(t);
  const document = await lsp.open('file:///w/my.quant.jsonc', '{\n  // the method\n  "quant_method": "gptqq", "weight_format": "uint4"\n}', 'jsonc');
  const found = await document.diagnostics();
  assert.equal(found.filter(({ message }) => /gptqq/.test(String(message))).length, 1);
});

test('YAML recipes get diagnostics, completion, hover, outline, folds, fixes and formatting', async (t) => {
  const lsp = await lspFor(t);
  const text = 'default_stage:\n  default_modifiers:\n    GPTQModifier:\n      scheme: W4A16\n      targets: [Linear]\n      dampening_fraq:   0.05\n      \n';
  const document = await lsp.open('file:///w/recipe.yaml', text, 'yaml');
  const found = await document.diagnostics();
  const typo = found.find(({ message }) => String(message).includes('dampening_fraq'));
  assert.ok(typo !== undefined, JSON.stringify(found.map(({ message }) => message)));
  const labels = (await document.completion(text.length - 1)).map(({ label }) => label);
  assert.ok(labels.includes('ignore') && !labels.includes('targets'), labels.join());
  assert.ok((await document.hover(text.indexOf('scheme') + 2)) !== null);
  assert.deepEqual(
    (await document.symbols()).map(({ name }) => name),
    ['default_stage'],
  );
  assert.ok(((await lsp.connection.sendRequest(FoldingRangeRequest.type, { textDocument: { uri: document.uri } })) ?? []).length > 0);
  assert.match(await document.format(), /\n {6}dampening_fraq: 0\.05\n/);
  const fixes = await document.codeActions(typo.range, { diagnostics: [typo] });
  const rename = fixes.find(({ title }) => /dampening_frac/.test(title));
  assert.ok(rename !== undefined, fixes.map(({ title }) => title).join());
  await document.apply(rename);
  assert.match(document.text(), /\n {6}dampening_frac: {3}0\.05\n/);
});

test('quantwright/matrix answers for a document and for the usual methods', async (t) => {
  const lsp = await lspFor(t);
  const document = await lsp.open('file:///w/my.quant.json', good);
  const devices = ['nvidia-t4', 'nvidia-h100'];
  const ofDocument = await lsp.connection.sendRequest(matrix, { uri: document.uri, runtimes: [], devices, tensorParallel: 1 });
  assert.equal(ofDocument.format, 'quantwright');
  assert.ok(!ofDocument.unread && !ofDocument.modelKnown);
  assert.deepEqual(
    ofDocument.matrix.columns.map(({ device }) => device),
    devices,
  );
  const usual = await lsp.connection.sendRequest(matrix, { uri: null, runtimes: [], devices, tensorParallel: 1 });
  assert.equal(usual.format, null);
  assert.ok(usual.matrix.rows.length > ofDocument.matrix.rows.length);
});
