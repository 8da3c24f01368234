import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { codeOf, ours, whenDiagnostics } from '../editor-state.ts';
import { activated } from '../extension-under-test.ts';
import { open, positionOf, projectRoot, write } from '../workspace.ts';

const dashInfer = (device: string) => ({ runtime: 'dashinfer', version: null, device, tensorParallel: 1 });
const int8 = { quant_method: 'instant_quant', weight_format: 'int8', group_size: 128, compute_method: 'weight_only' };

async function setTargets(targets: readonly object[] | undefined): Promise<void> {
  await vscode.workspace.getConfiguration('quantwright').update('targets', targets, vscode.ConfigurationTarget.Workspace);
}

suite('diagnostics', () => {
  suiteSetup(async () => {
    await activated();
  });
  teardown(async () => {
    await setTargets(undefined);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  test('a value that no format knows is an error on the value, with a code', async () => {
    const document = await open('unknown/a.quant.json', { ...int8, weight_format: 'int5' });
    const [finding] = await whenDiagnostics(document.uri, 'an error', (found) => found.length > 0);
    assert.ok(finding);
    assert.match(codeOf(finding), /^QC\d{3}$/);
    assert.equal(finding.severity, vscode.DiagnosticSeverity.Error);
    assert.match(document.getText(finding.range), /int5/);
  });

  test('a group_size that does not divide the rows of the model names them, and its quick fix removes the finding', async () => {
    await setTargets([dashInfer('nvidia-h100')]);
    await write('fix/config.json', await readFile(join(projectRoot(), 'models', 'quill-16m', 'config.json'), 'utf8'));
    const document = await open('fix/a.quant.json', { ...int8, group_size: 256 });
    const [finding] = await whenDiagnostics(document.uri, 'the finding on 256', (found) => found.some(({ message }) => message.includes('256')));
    assert.ok(finding);
    assert.match(finding.message, /384/);
    assert.match(finding.message, /_proj/);

    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      finding.range,
      vscode.CodeActionKind.QuickFix.value,
    );
    const fix = actions.find(({ title, edit }) => /\b128\b/.test(title) && edit !== undefined);
    assert.ok(fix?.edit, `a fix with 128 is offered: ${actions.map(({ title }) => title).join(' | ')}`);
    assert.equal(fix.isPreferred, true);
    assert.equal(await vscode.workspace.applyEdit(fix.edit), true);
    assert.deepEqual(JSON.parse(document.getText()), int8);
    await whenDiagnostics(document.uri, 'no finding', (found) => found.length === 0);
    await document.save();
  });

  test('another target in the settings judges the open document again', async () => {
    await setTargets([dashInfer('nvidia-h100')]);
    const document = await open('target/a.quant.json', { ...int8, group_size: -1, compute_method: 'activate_quant' });
    await vscode.commands.executeCommand('quantwright.checkConfig');
    assert.deepEqual(
      ours(document.uri).map(({ message }) => message),
      [],
    );

    await setTargets([dashInfer('nvidia-v100')]);
    const found = await whenDiagnostics(document.uri, 'the refusal by Volta', (diagnostics) => diagnostics.length > 0);
    assert.ok(
      found.some(({ message }) => /Volta|V100/i.test(message)),
      found.map(({ message }) => message).join(' | '),
    );

    await setTargets([]);
    await whenDiagnostics(document.uri, 'no finding without a target', (diagnostics) => diagnostics.length === 0);
  });

  test('findings follow unsaved edits and go with the document', async () => {
    const document = await open('edit/a.quant.json', int8);
    const edit = new vscode.WorkspaceEdit();
    const at = positionOf(document, '"int8"', 0);
    edit.replace(document.uri, new vscode.Range(at, at.translate(0, '"int8"'.length)), '"int77"');
    await vscode.workspace.applyEdit(edit);
    await whenDiagnostics(document.uri, 'the error on the unsaved text', (found) => found.some(({ message }) => message.includes('int77')));
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await whenDiagnostics(document.uri, 'none of a closed document', (found) => found.length === 0);
  });

  test('a JSON file that is no quantization config is left alone', async () => {
    const document = await open('other/settings.quant-notes.json', { group_size: 'as you like', colour: 'green' });
    const result = await vscode.commands.executeCommand<{ readonly format: string | null }>('quantwright.checkConfig');
    assert.equal(result.format, null);
    assert.deepEqual(ours(document.uri), []);
  });
});
