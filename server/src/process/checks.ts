// When a document is checked, and which result is published: the newest version only, and of two checks the one begun last.
import type { Diagnostic, PublishDiagnosticsParams } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { createDebouncer } from './debounce.ts';

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
  again(uri: string, delayMs: number): void;
  dispose(): void;
}

/** Long enough to skip most key strokes of a fast typist, short enough to feel immediate. */
export const debounceMs = 120;

export function createChecks(host: CheckHost): Checks {
  const debouncer = createDebouncer();
  const scheduledVersion = new Map<string, number>();
  const begun = new Map<string, number>();
  let counter = 0;

  const check = async (uri: string): Promise<void> => {
    const document = host.document(uri);
    if (document === undefined) return;
    const mine = ++counter;
    begun.set(uri, mine);
    const version = document.version;
    const diagnostics = await host.diagnostics(document);
    if (begun.get(uri) !== mine || host.document(uri)?.version !== version) return;
    await host.publish({ uri, version, diagnostics });
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
      schedule(document.uri, debounceMs);
    },
    closed(uri) {
      debouncer.cancel(uri);
      scheduledVersion.delete(uri);
      begun.delete(uri);
      void host.publish({ uri, diagnostics: [] }).catch((error) => host.logError(String(error)));
    },
    again: schedule,
    dispose: () => debouncer.dispose(),
  };
}
