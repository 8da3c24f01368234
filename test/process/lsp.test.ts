// The language server as editors run it: the real process over stdio.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { explain, type ServerSettings, targetChoices } from '@quantwright/schemas/rpc/server';
import { type LspClient, type LspOptions, projectRoot, startLsp, wholeRange } from '../support/lspClient.ts';
import { atCursor } from '../support/lspText.ts';

const a100: ServerSettings['targets'] = [{ runtime: 'dashinfer', version: null, device: 'nvidia-a100', tensorParallel: 1 }];
const model = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 256,
  intermediate_size: 11008,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  vocab_size: 512,
  max_position_embeddings: 128,
  tie_word_embeddings: true,
};

async function lspFor(t: TestContext, options: LspOptions = {}): Promise<LspClient> {
  const lsp = await startLsp(options);
  t.after(() => lsp.process.kill());
  return lsp;
}

function directoryWith(t: TestContext, files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), 'quantwright lsp '));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

const uriIn = (directory: string, name: string): string => pathToFileURL(join(directory, name)).href;
const codes = (diagnostics: readonly { code?: string | number }[]): string[] => diagnostics.map(({ code }) => String(code));

test('a wrong config gets a diagnostic, and its quick fix takes the diagnostic away', async (t) => {
  const lsp = await lspFor(t, { settings: { targets: a100 } });
  const document = await lsp.open('file:///w/my.quant.json', '{ "quant_method": "instant_quant", "weight_format": "int8", "group_size": 100 }');
  const diagnostics = await document.diagnostics();
  const wrong = diagnostics.find(({ severity }) => severity === 1);
  assert.ok(wrong !== undefined);
  assert.equal(wrong.source, 'quantwright');
  const page = wrong.codeDescription?.href;
  assert.ok(page !== undefined && existsSync(fileURLToPath(page)), `the page of ${String(wrong.code)} is there: ${page}`);

  const actions = await document.codeActions(wrong.range, { diagnostics: [wrong] });
  const preferred = actions.find((action) => action.isPreferred === true);
  assert.ok(preferred !== undefined, `a preferred fix among ${actions.map(({ title }) => title).join(', ')}`);
  await document.apply(preferred);
  assert.deepEqual(
    codes(await document.diagnostics()).filter((code) => code === wrong.code),
    [],
  );
  assert.equal(await lsp.stop(), 0);
});

test('completion and hover answer in a config that is being typed', async (t) => {
  const lsp = await lspFor(t, { settings: { targets: a100 } });
  const { text, offset } = atCursor('{ "quant_method": "instant_quant", "weight_format": "|');
  const document = await lsp.open('file:///w/my.quant.json', text);
  const items = await document.completion(offset);
  assert.equal(items[0]?.label, 'int8');
  const hover = await document.hover(text.indexOf('quant_method'));
  assert.match(JSON.stringify(hover?.contents), /quantization method/);
  assert.deepEqual(lsp.errors, []);
});

test('outline and formatting are answered', async (t) => {
  const lsp = await lspFor(t);
  const document = await lsp.open('file:///w/my.quant.json', '{"quant_method":"rtn","weight_format":"int8"}');
  assert.deepEqual(
    (await document.symbols()).map(({ name }) => name),
    ['quant_method', 'weight_format'],
  );
  assert.equal(await document.format(), '{\n  "quant_method": "rtn",\n  "weight_format": "int8"\n}');
});

for (const configuration of [true, false]) {
  test(`a change of the target checks open documents again, ${configuration ? 'pulled by the server' : 'pushed by the client'}`, async (t) => {
    const lsp = await lspFor(t, { settings: { targets: a100 }, configuration });
    const document = await lsp.open(
      'file:///w/my.quant.json',
      '{ "quant_method": "instant_quant", "weight_format": "int8", "compute_method": "activate_quant" }',
    );
    const before = await document.diagnostics();
    assert.deepEqual(
      before.filter(({ severity }) => severity === 1),
      [],
      'A8W8 runs on an A100',
    );
    const again = document.nextDiagnostics();
    await lsp.setSettings({ targets: [{ runtime: 'dashinfer', version: null, device: 'nvidia-v100', tensorParallel: 1 }] });
    // The first publication may still be the one of the start-up's own pull.
    let after = await again;
    if (after.every(({ severity }) => severity !== 1)) after = await document.nextDiagnostics();
    assert.ok(
      after.some(({ severity, message }) => severity === 1 && /V100|Volta/i.test(JSON.stringify(message))),
      'A8W8 does not run on a V100',
    );
  });
}

test('the model beside the config is read, watched, and overruled by an open editor', async (t) => {
  const directory = directoryWith(t, { 'config.json': JSON.stringify(model) });
  const lsp = await lspFor(t);
  const document = await lsp.open(
    uriIn(directory, 'my.quant.json'),
    '{ "quant_method": "rtn", "weight_format": "uint4", "group_size": 512, "save_format": "gptq" }',
  );
  assert.ok(codes(await document.diagnostics()).includes('QC001'), '512 does not divide 11008');

  let again = document.nextDiagnostics();
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ ...model, hidden_size: 1024, intermediate_size: 2048 }));
  await lsp.fileChanged(uriIn(directory, 'config.json'));
  assert.ok(!codes(await again).includes('QC001'), '512 divides 1024 and 2048');

  again = document.nextDiagnostics();
  await lsp.open(uriIn(directory, 'config.json'), JSON.stringify(model));
  assert.ok(codes(await again).includes('QC001'), 'the open editor says 11008 again');
});

test('modelDirectory points to the model, relative to the workspace folder', async (t) => {
  const directory = directoryWith(t, { 'config.json': JSON.stringify(model) });
  const lsp = await lspFor(t, { rootUri: pathToFileURL(tmpdir()).href, settings: { modelDirectory: directory.slice(tmpdir().length + 1) } });
  const document = await lsp.open(
    pathToFileURL(join(tmpdir(), 'far', 'my.quant.json')).href,
    '{ "quant_method": "rtn", "weight_format": "uint4", "group_size": 512, "save_format": "gptq" }',
  );
  assert.ok(codes(await document.diagnostics()).includes('QC001'));
});

test('an untrusted workspace reads no neighbours', async (t) => {
  const directory = directoryWith(t, { 'config.json': JSON.stringify(model) });
  const lsp = await lspFor(t, { settings: { readNeighbours: false } });
  const document = await lsp.open(
    uriIn(directory, 'my.quant.json'),
    '{ "quant_method": "rtn", "weight_format": "uint4", "group_size": 512, "save_format": "gptq" }',
  );
  assert.ok(!codes(await document.diagnostics()).includes('QC001'));
});

test('target choices and explain are answered', async (t) => {
  const lsp = await lspFor(t, { settings: { targets: a100 } });
  const choices = await lsp.connection.sendRequest(targetChoices);
  assert.ok(choices.devices.some(({ id }) => id === 'nvidia-a100'));
  await lsp.open('file:///w/my.quant.json', '{ "quant_method": "instant_quant", "weight_format": "int8" }');
  const explained = await lsp.connection.sendRequest(explain, { uri: 'file:///w/my.quant.json' });
  assert.equal(explained.format, 'quantwright');
  assert.equal(explained.verdicts[0]?.kind, 'supported');
  assert.deepEqual(await lsp.connection.sendRequest(explain, { uri: 'file:///w/unknown.json' }), { format: null, verdicts: [], errors: 0, warnings: 0 });
});

test('other JSON files stay silent', async (t) => {
  const lsp = await lspFor(t, { settings: { targets: a100 } });
  const document = await lsp.open('file:///w/package.json', '{ "name": "x", }');
  assert.deepEqual(await document.diagnostics(), []);
});

test('closing a document takes its diagnostics away', async (t) => {
  const lsp = await lspFor(t);
  const document = await lsp.open('file:///w/my.quant.json', '{ "quant_method": "nonsense" }');
  assert.notDeepEqual(await document.diagnostics(), []);
  const cleared = document.nextDiagnostics();
  await document.close();
  assert.deepEqual(await cleared, []);
});

test('only the newest of a burst of edits is published', async (t) => {
  const lsp = await lspFor(t);
  const document = await lsp.open('file:///w/my.quant.json', '{ "quant_method": "nonsense" }');
  await document.diagnostics();
  const next = document.nextDiagnostics();
  for (let count = 0; count < 20; count += 1) await document.change(`{ "quant_method": "nonsense${count}" }`);
  await document.change('{ "quant_method": "rtn", "weight_format": "int8" }');
  assert.deepEqual(
    (await next).filter(({ severity }) => severity === 1),
    [],
  );
});

test('a request about text that is not there is answered with nothing', async (t) => {
  const lsp = await lspFor(t);
  const document = await lsp.open('file:///w/my.quant.json', '{ "quant_method": "rtn" }');
  await document.change('{');
  assert.deepEqual(await document.codeActions(wholeRange('a\nb\nc'), { diagnostics: [] }), await document.codeActions(wholeRange('{'), { diagnostics: [] }));
  assert.ok(Array.isArray(await document.completion(1)));
  assert.deepEqual(lsp.errors, []);
});

test('the exit code is 1 without a shutdown and 0 after one', async () => {
  const rude = await startLsp();
  const exited = once(rude.process, 'exit');
  await rude.connection.sendNotification('exit');
  assert.deepEqual((await exited)[0], 1);
  const polite = await startLsp();
  assert.equal(await polite.stop(), 0);
});

test('--version and --help print and end', () => {
  const run = (argument: string): string => execFileSync(process.execPath, [join(projectRoot, 'server', 'out', 'main.js'), argument], { encoding: 'utf8' });
  assert.match(run('--version'), /^\d+\.\d+\.\d+\n$/);
  assert.match(run('--help'), /--stdio/);
});
