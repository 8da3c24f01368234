// The folder that the suite's window has open: files are written into it by the tests that need them, through Node, as another program would.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';

/** Folder of the project, given by the launcher; the embedded model lies below it. */
export function projectRoot(): string {
  const root = process.env['QUANTWRIGHT_ROOT'];
  if (root === undefined) throw new Error('QUANTWRIGHT_ROOT is not set: start the suite by scripts/test-editor.mjs or scripts/test-electron.mjs');
  return root;
}

export function workspacePath(...parts: string[]): string {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (folder === undefined) throw new Error('the suite needs a window with a folder');
  return join(folder.uri.fsPath, ...parts);
}

/** Writes a file below the workspace folder; objects become JSON. Returns its path. */
export async function write(name: string, content: string | object): Promise<string> {
  const path = workspacePath(name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`);
  return path;
}

/** Writes a file and shows it in an editor. */
export async function open(name: string, content: string | object): Promise<vscode.TextDocument> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(await write(name, content)));
  await vscode.window.showTextDocument(document);
  return document;
}

/** Position `behind` characters after the start of the first `text`. */
export function positionOf(document: vscode.TextDocument, text: string, behind = 1): vscode.Position {
  const offset = document.getText().indexOf(text);
  if (offset < 0) throw new Error(`${text} is not in ${document.uri.fsPath}`);
  return document.positionAt(offset + behind);
}
