// The document of a view: one script, two style sheets, nothing else may load. Pure.

export interface ViewResources {
  /** Source that the webview's own resources come from. */
  readonly cspSource: string;
  readonly nonce: string;
  readonly script: string;
  readonly style: string;
  readonly codicons: string;
}

export interface ViewDocument extends ViewResources {
  /** Id, by which tests find the document. */
  readonly view: string;
  readonly title: string;
  /** Custom element that the script defines. */
  readonly element: string;
}

export function viewDocument({ view, title, element, cspSource, nonce, script, style, codicons }: ViewDocument): string {
  const policy = ["default-src 'none'", `style-src ${cspSource} 'nonce-${nonce}'`, `font-src ${cspSource}`, `script-src 'nonce-${nonce}'`].join('; ');
  return `<!DOCTYPE html>
<html lang="en" data-view="${view}">
<head>
  <meta charset="UTF-8">
  <meta name="viewport" content="width=device-width, initial-scale=1.0">
  <meta http-equiv="Content-Security-Policy" content="${policy}">
  <title>${title}</title>
  <link rel="stylesheet" id="vscode-codicon-stylesheet" href="${codicons}" nonce="${nonce}">
  <link rel="stylesheet" href="${style}" nonce="${nonce}">
</head>
<body>
  <${element}></${element}>
  <script nonce="${nonce}" src="${script}"></script>
</body>
</html>
`;
}
