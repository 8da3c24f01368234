// Command Show Compatibility Matrix: what every runtime does with the active config on every device, as a page. Asks the language server, never the engine.
import { basename } from 'node:path';
import { commands, EventEmitter, languages, Uri, window, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { documentSelector } from '../../server/selector.ts';
import { matrixPage } from './matrix-page.ts';

const scheme = 'quantwright-matrix';

export function activate(context: QuantwrightContext): void {
  const changed = new EventEmitter<Uri>();
  context.own(changed);
  context.own(
    workspace.registerTextDocumentContentProvider(scheme, {
      onDidChange: changed.event,
      provideTextDocumentContent: (page) => pageFor(context, page.query === '' ? null : Uri.parse(page.query)),
    }),
  );
  context.command('quantwright.showMatrix', async (given?: unknown) => {
    const subject = typeof given === 'string' ? Uri.parse(given) : given instanceof Uri ? given : activeConfig();
    const page = Uri.from({ scheme, path: `/Compatibility${subject === null ? '' : ` of ${basename(subject.path)}`}.md`, query: subject?.toString() ?? '' });
    // The page may be open from before, with the answers for another text.
    changed.fire(page);
    await commands.executeCommand('markdown.showPreview', page);
    return page;
  });
}

/** The document in front when it is in a language that configs are written in: the server says whether it is one. */
function activeConfig(): Uri | null {
  const document = window.activeTextEditor?.document;
  return document === undefined || languages.match(documentSelector, document) === 0 ? null : document.uri;
}

async function pageFor(context: QuantwrightContext, subject: Uri | null): Promise<string> {
  // The server answers for open documents; one that a menu names may not be.
  const document = subject === null ? null : await workspace.openTextDocument(subject);
  const answer = await context.server.matrix({ uri: document === null ? null : context.server.uriOf(document), runtimes: [], devices: [], tensorParallel: 1 });
  return matrixPage(document === null ? null : basename(document.fileName), answer);
}
