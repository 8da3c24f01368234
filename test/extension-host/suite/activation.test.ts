import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { activated, extension } from '../extension-under-test.ts';
import { open } from '../workspace.ts';

suite('activation', () => {
  test('opening a quantization config activates the extension, and no engine is started for it', async () => {
    await open('activation/a.quant.json', { quant_method: 'instant_quant', weight_format: 'int8' });
    const api = await activated();
    assert.equal(extension().isActive, true);
    assert.equal(api.engineProcessId(), null, 'checks are static: the engine is only started for a job');
  });

  test('every command of the manifest is there', async () => {
    await activated();
    const manifest = extension().packageJSON as { readonly contributes: { readonly commands: readonly { readonly command: string }[] } };
    const declared = manifest.contributes.commands.map(({ command }) => command);
    const registered = new Set(await vscode.commands.getCommands(true));
    assert.ok(declared.length >= 6, `the manifest names ${declared.length} commands`);
    assert.deepEqual(
      declared.filter((command) => !registered.has(command)),
      [],
    );
  });

  test('a workspace that is not trusted gets limited support, with the settings that name paths held back', () => {
    const { untrustedWorkspaces } = (
      extension().packageJSON as { capabilities: { untrustedWorkspaces: { supported: unknown; restrictedConfigurations?: string[] } } }
    ).capabilities;
    assert.equal(untrustedWorkspaces.supported, 'limited');
    assert.ok(untrustedWorkspaces.restrictedConfigurations?.includes('quantwright.modelDirectory'));
  });
});
