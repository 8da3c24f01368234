// The document of the chat view: one script, two style sheets, nothing else may load. Pure.

export interface ChatResources {
  /** Source that the webview's own resources come from. */
  readonly cspSource: string;
  readonly nonce: string;
  readonly script: string;
  readonly style: string;
  readonly codicons: string;
}

export function chatHtml({ cspSource, nonce, script, style, codicons }: ChatResources): string {
  const policy = ["default-src 'none'", `style-src ${cspSource} 'nonce-${nonce}'`, `font-src ${cspSource}`, `script-src 'nonce-${nonce}'`].join('; ');
  return `<!DOCTYPE html>
<html lang="en" data-view="quantwright.chat">
<head>
  <meta charset="UTF-8">
  <meta name="viewport" content="width=device-width, initial-scale=1.0">
  <meta http-equiv="Content-Security-Policy" content="${policy}">
  <title>Chat</title>
  <link rel="stylesheet" id="vscode-codicon-stylesheet" href="${codicons}" nonce="${nonce}">
  <link rel="stylesheet" href="${style}" nonce="${nonce}">
</head>
<body>
  <quantwright-chat></quantwright-chat>
  <script nonce="${nonce}" src="${script}"></script>
</body>
</html>
`;
}

/** In a workspace that is not trusted the view says why it is empty; no script runs. */
export function untrustedHtml(): string {
  return `<!DOCTYPE html>
<html lang="en" data-view="quantwright.chat">
<head>
  <meta charset="UTF-8">
  <meta http-equiv="Content-Security-Policy" content="default-src 'none'">
  <title>Chat</title>
</head>
<body>
  <p>Chat needs a trusted workspace, because the engine reads the model files that the workspace holds.</p>
  <p>Until then Quantwright only checks open documents. Run <em>Workspaces: Manage Workspace Trust</em> to change this.</p>
</body>
</html>
`;
}
