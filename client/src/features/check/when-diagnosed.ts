// Waits until the editor shows what the server has counted. Diagnostics and answers travel separately, so one may overtake the other.
import { type Diagnostic, DiagnosticSeverity, languages, type Uri } from 'vscode';

/** How long diagnostics may take to arrive after the server has answered that it has them. */
const timeoutMs = 5_000;

/** Resolves when the document shows at least so many errors and warnings, or after five seconds. */
export function whenDiagnosed(uri: Uri, errors: number, warnings: number): Promise<void> {
  const arrived = () => {
    const shown = languages.getDiagnostics(uri);
    return count(shown, DiagnosticSeverity.Error) >= errors && count(shown, DiagnosticSeverity.Warning) >= warnings;
  };
  if (arrived()) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      listener.dispose();
      resolve();
    };
    const timer = setTimeout(finish, timeoutMs);
    const listener = languages.onDidChangeDiagnostics(() => {
      if (arrived()) finish();
    });
  });
}

function count(diagnostics: readonly Diagnostic[], severity: DiagnosticSeverity): number {
  return diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
}
