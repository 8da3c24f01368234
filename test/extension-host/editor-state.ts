// What the suite waits for in the editor: our diagnostics, and states of the extension. Event-driven; a wait that is not met says what was there instead.
import * as vscode from 'vscode';

const timeoutMs = 45_000;

/** Our diagnostics of a document, whatever other extensions say about it. */
export function ours(uri: vscode.Uri): readonly vscode.Diagnostic[] {
  return vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'quantwright');
}

/** "QC004" of a diagnostic, whether its code is plain or carries a link. */
export function codeOf({ code }: vscode.Diagnostic): string {
  return String(typeof code === 'object' ? code.value : code);
}

/** Resolves with our diagnostics as soon as `accept` takes them. */
export function whenDiagnostics(
  uri: vscode.Uri,
  what: string,
  accept: (found: readonly vscode.Diagnostic[]) => boolean,
): Promise<readonly vscode.Diagnostic[]> {
  return new Promise((resolve, reject) => {
    const look = (): boolean => {
      const found = ours(uri);
      if (!accept(found)) return false;
      clearTimeout(timer);
      listener.dispose();
      resolve(found);
      return true;
    };
    const listener = vscode.languages.onDidChangeDiagnostics(look);
    const timer = setTimeout(() => {
      listener.dispose();
      reject(
        new Error(
          `waited in vain for ${what}; the diagnostics are: ${
            ours(uri)
              .map(({ message }) => message)
              .join(' | ') || 'none'
          }`,
        ),
      );
    }, timeoutMs);
    look();
  });
}
