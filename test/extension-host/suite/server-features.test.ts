import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { codeOf, ours, whenDiagnostics } from '../editor-state.ts';
import { activated } from '../extension-under-test.ts';
import { open, projectRoot, workspacePath, write } from '../workspace.ts';

const gptq = { bits: 4, group_size: 128, desc_act: false, sym: true, damp_percent: 0.01 };
const everything = new vscode.Range(0, 0, 1000, 0);

async function set(key: string, value: unknown): Promise<void> {
  await vscode.workspace.getConfiguration('quantwright').update(key, value, vscode.ConfigurationTarget.Workspace);
}

async function writeModel(folder: string): Promise<void> {
  await write(`${folder}/config.json`, await readFile(join(projectRoot(), 'models', 'quill-16m', 'config.json'), 'utf8'));
}

suite('what the language server adds to the text', () => {
  suiteSetup(async () => {
    await activated();
  });
  teardown(async () => {
    for (const key of ['check.severity', 'check.suppress', 'inlayHints.enabled', 'codeLens.enabled']) await set(key, undefined);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  test('hints and lenses are there until the settings turn them off', async () => {
    await writeModel('hints');
    const document = await open('hints/a.quant.json', { quant_method: 'rtn', weight_format: 'int4', group_size: 128, ignore: ['.*down_proj'] });
    const labels = async (): Promise<string> => {
      const hints = await vscode.commands.executeCommand<vscode.InlayHint[]>('vscode.executeInlayHintProvider', document.uri, everything);
      return hints.map(({ label }) => (typeof label === 'string' ? label : label.map(({ value }) => value).join(''))).join(' | ');
    };
    const lenses = async (): Promise<string> => {
      const found = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri, 10);
      return found.map(({ command }) => command?.title ?? '').join(' | ');
    };
    assert.match(await labels(), /bits per weight.*8 modules/);
    assert.match(await lenses(), /^Quantize \| Check all targets \| Runs on/);
    await set('inlayHints.enabled', false);
    await set('codeLens.enabled', false);
    assert.equal(await labels(), '');
    assert.equal(await lenses(), '');
  });

  test('Fix All applies every safe fix, and says when there is none', async () => {
    const document = await open('fix-all/a.quant.json', { quant_method: 'iq', weight_format: 'INT8', group_sise: 128 });
    await whenDiagnostics(document.uri, 'three findings', (found) => found.length === 3);
    assert.equal(await vscode.commands.executeCommand('quantwright.fixAll'), true);
    assert.deepEqual(JSON.parse(document.getText()), { quant_method: 'instant_quant', weight_format: 'int8', group_size: 128 });
    assert.equal(await vscode.commands.executeCommand('quantwright.fixAll'), false);
    await document.save();
  });

  test('a conversion is an action of the editor, which makes the new file', async () => {
    const document = await open('convert/quantize_config.json', gptq);
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      new vscode.Range(0, 0, 0, 0),
      vscode.CodeActionKind.RefactorRewrite.value,
    );
    const action = actions.find(({ title }) => title.includes('*.quant.json'));
    assert.ok(action?.edit, actions.map(({ title }) => title).join(' | '));
    assert.equal(await vscode.workspace.applyEdit(action.edit), true);
    const made = await vscode.workspace.openTextDocument(vscode.Uri.file(workspacePath('convert', 'gptq-int4-g128.quant.json')));
    assert.equal(JSON.parse(made.getText()).weight_format, 'int4');
    await made.save();
  });

  test('the matrix is a page about the config in front', async () => {
    await open('matrix/quantize_config.json', gptq);
    const page = await vscode.commands.executeCommand<vscode.Uri>('quantwright.showMatrix');
    const text = (await vscode.workspace.openTextDocument(page)).getText();
    assert.match(text, /^# Compatibility of quantize\\_config\.json/);
    for (const name of ['vLLM', 'DashInfer', 'Transformers']) assert.match(text, new RegExp(`## ${name}`));
  });

  test('severities and suppressions hold for their codes', async () => {
    const document = await open('severity/a.quant.json', { quant_method: 'rtn', weight_format: 'int8', group_sise: 64 });
    const [finding] = await whenDiagnostics(document.uri, 'the unknown key', (found) => found.length > 0);
    assert.ok(finding);
    assert.equal(codeOf(finding), 'QC012');
    assert.equal(finding.severity, vscode.DiagnosticSeverity.Warning);
    await set('check.severity', { QC012: 'hint' });
    await whenDiagnostics(document.uri, 'a hint', ([one]) => one?.severity === vscode.DiagnosticSeverity.Hint);
    await set('check.suppress', ['QC012']);
    await whenDiagnostics(document.uri, 'nothing', (found) => found.length === 0);
  });

  test('a config that was never saved is known by what it says', async () => {
    const content = JSON.stringify({ quant_method: 'awq', bits: 5, group_size: 128, zero_point: true });
    const document = await vscode.workspace.openTextDocument({ language: 'json', content });
    await vscode.window.showTextDocument(document);
    await whenDiagnostics(document.uri, 'the finding on bits', (found) => found.some(({ message }) => message.includes('5')));
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  test('recipes in YAML are checked, other YAML is left alone', async () => {
    const recipe = await open('yaml/recipe.yaml', 'quant_stage:\n  quant_modifiers:\n    QuantizationModifier:\n      targets: [Linear]\n      sheme: W4A16\n');
    await vscode.languages.setTextDocumentLanguage(recipe, 'yaml');
    await whenDiagnostics(recipe.uri, 'the misspelt key', (found) => found.some(({ message }) => message.includes('sheme')));
    const other = await open('yaml/compose.yaml', 'services:\n  web:\n    image: nginx\n');
    const result = await vscode.commands.executeCommand<{ readonly format: string | null }>('quantwright.checkConfig');
    assert.equal(result.format, null);
    assert.deepEqual(ours(other.uri), []);
  });
});
