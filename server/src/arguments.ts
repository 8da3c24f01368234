// Command line of quantwright-lsp: what to do, as a value. Knows the three transports that vscode-languageserver understands.
import { version } from './version.ts';

export type Start = { readonly kind: 'serve' } | { readonly kind: 'print'; readonly text: string; readonly exitCode: number };

const help = `quantwright-lsp ${version}: language server for quantization configs

Usage: quantwright-lsp --stdio

  --stdio            talk over standard input and output (editors)
  --node-ipc         talk over the Node IPC channel (VS Code)
  --socket=PORT      connect to a port that the editor listens on
  --version          print the version
  --help             print this text

Settings arrive as initializationOptions and as the section "quantwright" of workspace/configuration:
  targets            [{ "runtime": "dashinfer", "version": null, "device": "nvidia-a100", "tensorParallel": 1 }]
  modelDirectory     directory of the model a config is for, when it is not beside the file
  readNeighbours     false: read nothing but the opened documents
  severity           { "QC012": "hint" }: severity of a code, or off
  suppress           ["QC023"]: codes that are not told
`;

export function parseArguments(args: readonly string[]): Start {
  if (args.includes('--help') || args.includes('-h')) return { kind: 'print', text: help, exitCode: 0 };
  if (args.includes('--version') || args.includes('-v')) return { kind: 'print', text: `${version}\n`, exitCode: 0 };
  if (args.some((argument) => /^--(stdio|node-ipc|socket(=\d+)?)$/.test(argument))) return { kind: 'serve' };
  return { kind: 'print', text: `quantwright-lsp: say how to talk to the editor, for example --stdio.\n\n${help}`, exitCode: 2 };
}
