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
  /** SHA-256 (base64) of a script that the view puts into its document itself. */
  readonly innerScriptHash?: string;
}

export function viewDocument({ view, title, element, cspSource, nonce, script, style, codicons, innerScriptHash }: ViewDocument): string {
  const inner = innerScriptHash === undefined ? '' : ` 'sha256-${innerScriptHash}'`;
  const policy = ["default-src 'none'", `style-src ${cspSource} 'nonce-${nonce}'`, `font-src ${cspSource}`, `script-src 'nonce-${nonce}'${inner}`].join('; ');
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
