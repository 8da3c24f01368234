// The documents of the chat view. Pure.
import { type ViewResources, viewDocument } from '../view-document.ts';

export function chatHtml(resources: ViewResources): string {
  return viewDocument({ ...resources, view: 'quantwright.chat', title: 'Chat', element: 'quantwright-chat' });
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
