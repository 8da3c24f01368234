import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { poll } from '../../support/editor-poll.ts';
import { activated } from '../extension-under-test.ts';
import { open, positionOf } from '../workspace.ts';

const int8 = { quant_method: 'instant_quant', weight_format: 'int8', group_size: 128, compute_method: 'weight_only' };
const labelOf = ({ label }: vscode.CompletionItem): string => (typeof label === 'string' ? label : label.label);

suite('language features', () => {
  suiteSetup(async () => {
    await activated();
  });
  teardown(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  test('values are completed where a value stands', async () => {
    const document = await open('completion/a.quant.json', int8);
    const list = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      document.uri,
      positionOf(document, 'int8'),
    );
    const labels = list.items.map(labelOf).join(' ');
    for (const value of ['int8', 'uint4']) assert.match(labels, new RegExp(`\\b${value}\\b`));
  });

  test('keys are completed where a key stands, without those that are there', async () => {
    const document = await open('keys/a.quant.json', '{\n  "quant_method": "instant_quant",\n  ""\n}\n');
    const list = await vscode.commands.executeCommand<vscode.CompletionList>('vscode.executeCompletionItemProvider', document.uri, positionOf(document, '""'));
    const labels = list.items.map((item) => labelOf(item).replaceAll('"', ''));
    assert.ok(labels.includes('weight_format'), labels.join(', '));
    assert.ok(labels.includes('group_size'), labels.join(', '));
    assert.ok(!labels.includes('quant_method'), 'quant_method is there already');
  });

  test('a hover explains the key', async () => {
    const document = await open('hover/a.quant.json', int8);
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, positionOf(document, 'group_size'));
    const words = hovers.flatMap(({ contents }) => contents.map((content) => (typeof content === 'string' ? content : content.value))).join('\n');
    assert.match(words, /scale/i);
    assert.match(words, /default/i);
  });

  test('every setting stands exactly once in the outline', async () => {
    const document = await open('symbols/a.quant.json', int8);
    const symbols = await poll('the outline', async () => {
      const found = await vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>('vscode.executeDocumentSymbolProvider', document.uri);
      return found !== undefined && found.length > 0 ? found : null;
    });
    assert.deepEqual(
      symbols.map(({ name }) => name),
      Object.keys(int8),
    );
  });

  test('Format Document lays a config out, without asking for a formatter', async () => {
    const document = await open('format/a.quant.json', JSON.stringify(int8));
    // The editor's JSON support registers its formatter a while after the window has opened.
    await poll('a formatter', async () => {
      const edits = await vscode.commands.executeCommand<vscode.TextEdit[] | undefined>('vscode.executeFormatDocumentProvider', document.uri, {
        tabSize: 2,
        insertSpaces: true,
      });
      return edits !== undefined && edits.length > 0;
    });
    // With two formatters and no default this asks which to use and changes nothing.
    await vscode.commands.executeCommand('editor.action.formatDocument');
    const indent = vscode.window.activeTextEditor?.options.tabSize;
    assert.equal(document.getText(), JSON.stringify(int8, null, Number(indent)));
    await document.save();
  });
});
