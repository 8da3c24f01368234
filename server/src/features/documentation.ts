// Where the documentation of findings lives. The one place that knows the address.
const documentationBase = 'https://github.com/quantwright/quantwright/blob/main/docs';

export function diagnosticPage(code: string): string {
  return `${documentationBase}/diagnostics/${code}.md`;
}
