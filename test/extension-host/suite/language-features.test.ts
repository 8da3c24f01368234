import assert from 'node:assert/strict';
import * as vscode from 'vscode';
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

  test('the outline lists the settings with their values', async () => {
    const document = await open('symbols/a.quant.json', int8);
    const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[]>('vscode.executeDocumentSymbolProvider', document.uri);
    // The editor's own JSON outline is among them; it gives no values.
    const lines = symbols.map(({ name, detail }) => `${name}: ${detail}`);
    assert.ok(lines.includes('group_size: 128'), lines.join(', '));
    assert.ok(lines.includes('weight_format: "int8"'), lines.join(', '));
  });
});
