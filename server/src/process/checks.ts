// When a document is checked, and which result is published: the newest version only, and of two checks the one begun last.
// For clients that cannot ask for diagnostics themselves; the others are answered by process/pull.ts.
import type { Diagnostic, PublishDiagnosticsParams } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { createDebouncer } from './debounce.ts';
import { createPace } from './pace.ts';

export interface CheckHost {
  readonly document: (uri: string) => TextDocument | undefined;
  readonly diagnostics: (document: TextDocument) => Promise<Diagnostic[]>;
  readonly publish: (params: PublishDiagnosticsParams) => Promise<void>;
  readonly logError: (message: string) => void;
}

export interface Checks {
  opened(document: TextDocument): void;
  /** Also raised by the client library right after an open, with the same version: that check is due already. */
  changed(document: TextDocument): void;
  closed(uri: string): void;
  /** Something else than the text changed: settings, a neighbour. */
  again(uri: string): void;
  dispose(): void;
}

export function createChecks(host: CheckHost): Checks {
  const debouncer = createDebouncer();
  const pace = createPace();
  const scheduledVersion = new Map<string, number>();
  const begun = new Map<string, number>();
  let counter = 0;

  const check = async (uri: string): Promise<void> => {
    const document = host.document(uri);
    if (document === undefined) return;
    const mine = ++counter;
    begun.set(uri, mine);
    const version = document.version;
    const start = performance.now();
    const diagnostics = await host.diagnostics(document);
    if (begun.get(uri) !== mine) return;
    pace.took(uri, performance.now() - start);
    if (host.document(uri)?.version === version) await host.publish({ uri, version, diagnostics });
  };
  const schedule = (uri: string, delayMs: number): void =>
    debouncer.schedule(uri, delayMs, () => void check(uri).catch((error) => host.logError(`check of ${uri}: ${String(error)}`)));

  return {
    opened(document) {
      scheduledVersion.set(document.uri, document.version);
      schedule(document.uri, 0);
    },
    changed(document) {
      if (scheduledVersion.get(document.uri) === document.version) return;
      scheduledVersion.set(document.uri, document.version);
      schedule(document.uri, pace.delayFor(document.uri));
    },
    closed(uri) {
      debouncer.cancel(uri);
      scheduledVersion.delete(uri);
      begun.delete(uri);
      pace.forget(uri);
      void host.publish({ uri, diagnostics: [] }).catch((error) => host.logError(String(error)));
    },
    again: (uri) => schedule(uri, pace.delayFor(uri)),
    dispose: () => debouncer.dispose(),
  };
}
