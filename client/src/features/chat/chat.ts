// The chat view and the command Chat with Model. What is said and to whom is the controller's; this file connects it to the editor.
import { randomBytes } from 'node:crypto';
import type { FromChat } from '@quantwright/schemas/rpc/webview';
import { commands, Uri, type WebviewView, window, workspace } from 'vscode';
import type { QuantwrightContext } from '../../context.ts';
import { pickModel } from '../models/pick-model.ts';
import { ChatController } from './chat-controller.ts';
import { chatHtml, untrustedHtml } from './chat-html.ts';

const viewId = 'quantwright.chat';

/** Arguments of quantwright.chatWithModel; without a model directory (or GGUF file) it asks. The explorer's menu gives the Uri of a file. */
export interface ChatArguments {
  readonly modelDir?: string;
}

export function activate(context: QuantwrightContext): void {
  const controller = new ChatController(context);
  context.own(controller);
  context.own(window.registerWebviewViewProvider(viewId, { resolveWebviewView: (view) => resolve(context, controller, view) }));
  context.command('quantwright.chatWithModel', async (given?: unknown) => {
    if (!context.mayUseEngine('Chatting with a model')) return;
    const named = given instanceof Uri ? given.fsPath : ((given ?? {}) as ChatArguments).modelDir;
    const modelDir = named ?? (await pickModel(context, 'Chat: model'));
    if (modelDir === undefined) return;
    await controller.useModel(modelDir);
    await commands.executeCommand(`${viewId}.focus`);
  });
  context.command('quantwright.newChat', () => controller.receive({ type: 'newChat' }));
}

function resolve(context: QuantwrightContext, controller: ChatController, view: WebviewView): void {
  const { webview } = view;
  const root = Uri.joinPath(context.extension.extensionUri, 'dist', 'webview');
  webview.options = { enableScripts: true, localResourceRoots: [root] };
  const receiver = webview.onDidReceiveMessage((message: FromChat) => void controller.receive(message));
  controller.attach((message) => void webview.postMessage(message));
  const trust = workspace.onDidGrantWorkspaceTrust(() => show());
  view.onDidDispose(() => {
    receiver.dispose();
    trust.dispose();
    controller.attach(null);
  });

  function show(): void {
    const resource = (name: string) => webview.asWebviewUri(Uri.joinPath(root, name)).toString();
    webview.html = workspace.isTrusted
      ? chatHtml({
          cspSource: webview.cspSource,
          nonce: randomBytes(16).toString('base64url'),
          script: resource('chat.js'),
          style: resource('chat.css'),
          codicons: resource('codicon.css'),
        })
      : untrustedHtml();
  }
  show();
}
