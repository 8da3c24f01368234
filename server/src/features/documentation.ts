// Where the page of a diagnostic is. The pages ship with the server (docs/diagnostics), so that links work without a network.

/** Address of the page of `code`, or null when the pages are not installed. */
export type DiagnosticPage = (code: string) => string | null;

/** `directoryUri`: docs/diagnostics as a file URI without a slash at its end, or null. */
export function diagnosticPages(directoryUri: string | null): DiagnosticPage {
  return (code) => (directoryUri === null ? null : `${directoryUri}/${code}.md`);
}
