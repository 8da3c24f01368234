// Diagnostics that the client asks for: of a document, and of every config in the workspace folders. The id of a result is made from
// its content, so that "unchanged" needs no memory of what a client was told.
import { createHash } from 'node:crypto';
import type {
  CancellationToken,
  Diagnostic,
  DocumentDiagnosticReport,
  WorkspaceDiagnosticParams,
  WorkspaceDiagnosticReport,
  WorkspaceDiagnosticReportPartialResult,
  WorkspaceDocumentDiagnosticReport,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { type Conditions, sameConditions } from '../document/analysis.ts';
import { canonicalUri, fileNameOf } from '../workspace/modelConfig.ts';
import { type Files, mayBeConfig } from './files.ts';

export function documentReport(diagnostics: Diagnostic[], previousResultId: string | undefined): DocumentDiagnosticReport {
  const resultId = idOf(diagnostics);
  return resultId === previousResultId ? { kind: 'unchanged', resultId } : { kind: 'full', resultId, items: diagnostics };
}

export interface WorkspacePullHost {
  readonly files: Files;
  readonly folders: () => readonly string[];
  /** False: only what the editor opened is looked at. */
  readonly mayRead: () => boolean;
  /** The client tells of new and removed files: what was found in the folders holds until then. */
  readonly watched: () => boolean;
  readonly open: () => readonly TextDocument[];
  readonly conditionsFor: (uri: string) => Promise<Conditions>;
  /** Of an open document, remembered with it. */
  readonly diagnostics: (document: TextDocument) => Promise<Diagnostic[]>;
  /** Of a document that is not kept. */
  readonly diagnosticsOnce: (document: TextDocument, conditions: Conditions) => Diagnostic[];
}

export interface WorkspacePull {
  report(
    params: WorkspaceDiagnosticParams,
    token: CancellationToken,
    partial: ((part: WorkspaceDiagnosticReportPartialResult) => void) | null,
  ): Promise<WorkspaceDiagnosticReport>;
  /** A file appeared, changed or went. */
  fileChanged(uri: string): void;
  /** The client closed it, and now shows what it was told last until a report says otherwise: it forgets the id of that result. */
  closed(uri: string): void;
}

interface Checked {
  readonly text: string;
  readonly conditions: Conditions;
  readonly resultId: string;
  readonly items: Diagnostic[];
}

/** How long a list of files holds when nobody tells of changes. */
const listHoldsMs = 5000;
/** Reports sent together to a client that takes parts. */
const partSize = 32;

export function createWorkspacePull(host: WorkspacePullHost): WorkspacePull {
  const lists = new Map<string, { readonly uris: readonly string[]; readonly at: number }>();
  const checked = new Map<string, Checked>();
  /** Closed documents that no report has spoken of yet. */
  const closed = new Map<string, string>();

  const listOf = async (folder: string, cancelled: () => boolean): Promise<readonly string[]> => {
    const known = lists.get(folder);
    if (known !== undefined && (host.watched() || performance.now() - known.at < listHoldsMs)) return known.uris;
    const uris = await host.files.configsBelow(folder, cancelled);
    if (!cancelled()) lists.set(folder, { uris, at: performance.now() });
    return uris;
  };

  const check = async (uri: string): Promise<Checked | null> => {
    const text = await host.files.readText(uri);
    if (text === null) return null;
    const conditions = await host.conditionsFor(uri);
    const known = checked.get(uri);
    if (known !== undefined && known.text === text && sameConditions(known.conditions, conditions)) return known;
    const items = host.diagnosticsOnce(TextDocument.create(uri, /\.ya?ml$/i.test(uri) ? 'yaml' : 'json', 0, text), conditions);
    const fresh = { text, conditions, resultId: idOf(items), items };
    checked.set(uri, fresh);
    return fresh;
  };

  return {
    async report({ previousResultIds }, token, partial) {
      const before = new Map(previousResultIds.map(({ uri, value }) => [canonicalUri(uri), value]));
      const told = new Set<string>();
      const all: WorkspaceDocumentDiagnosticReport[] = [];
      let part: WorkspaceDocumentDiagnosticReport[] = [];
      const send = (): void => {
        if (partial !== null && part.length > 0) partial({ items: part });
        part = [];
      };
      const tell = (uri: string, version: number | null, resultId: string, items: Diagnostic[]): void => {
        told.add(canonicalUri(uri));
        const previous = before.get(canonicalUri(uri));
        // A file without findings that the client never heard of is not worth a line. An open one is: the client forgets what it heard of a document
        // whose tab is closed, long before it closes the document, and then believes these reports alone.
        if (items.length === 0 && previous === undefined && version === null && !closed.has(canonicalUri(uri))) return;
        closed.delete(canonicalUri(uri));
        const report: WorkspaceDocumentDiagnosticReport =
          previous === resultId ? { kind: 'unchanged', uri, version, resultId } : { kind: 'full', uri, version, resultId, items };
        if (partial === null) all.push(report);
        else part.push(report);
        if (part.length >= partSize) send();
      };
      for (const document of host.open()) {
        if (token.isCancellationRequested) return { items: all };
        const items = await host.diagnostics(document);
        tell(document.uri, document.version, idOf(items), items);
      }
      for (const folder of host.mayRead() ? host.folders() : []) {
        for (const uri of await listOf(folder, () => token.isCancellationRequested)) {
          // Each in a turn of its own: key strokes come first.
          await new Promise((resume) => setImmediate(resume));
          if (token.isCancellationRequested) return { items: all };
          if (told.has(canonicalUri(uri))) continue;
          const found = await check(uri);
          if (found !== null) tell(uri, null, found.resultId, found.items);
        }
      }
      for (const uri of [...previousResultIds.map((one) => one.uri), ...closed.values()]) {
        if (!told.has(canonicalUri(uri))) tell(uri, null, idOf([]), []);
      }
      send();
      return { items: all };
    },
    closed: (uri) => void closed.set(canonicalUri(uri), uri),
    fileChanged(uri) {
      if (mayBeConfig(fileNameOf(uri))) lists.clear();
    },
  };
}

function idOf(diagnostics: readonly Diagnostic[]): string {
  return createHash('sha1').update(JSON.stringify(diagnostics)).digest('base64');
}
