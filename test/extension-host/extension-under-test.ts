// The extension as the suite meets it: activated, with the interface that it exports for tests and other extensions.
import * as vscode from 'vscode';

/** Mirrors QuantwrightApi of client/src/extension.ts, which tests may not import: they see what the package exports. */
export interface ExportedApi {
  engineState(): 'stopped' | 'starting' | 'running' | 'waiting' | 'failed';
  engineProcessId(): number | null;
  whenServerReady(): Promise<void>;
}

export const extensionId = 'quantwright.quantwright';

export function extension(): vscode.Extension<ExportedApi> {
  const found = vscode.extensions.getExtension<ExportedApi>(extensionId);
  if (found === undefined) throw new Error(`${extensionId} is not installed in this window`);
  return found;
}

/** Activates it, and resolves when its language server answers. */
export async function activated(): Promise<ExportedApi> {
  const api = await extension().activate();
  await api.whenServerReady();
  return api;
}
