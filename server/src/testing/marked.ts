// Tables for the service's tests: a config with the cursor marker `|`, asked of the real service; the document after an edit as result.
import { noSideFile, type SideFile } from '@quantwright/schemas/check/side-file';
import type { SeveritySettings } from '@quantwright/schemas/check/types';
import type { ModelFiles } from '@quantwright/schemas/checkpoint/model-files';
import type { Target } from '@quantwright/schemas/hardware/target';
import type { CodeAction, CompletionItem, Diagnostic, Hover, TextEdit } from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type { Conditions } from '../document/analysis.ts';
import { diagnosticPages } from '../features/documentation.ts';
import type { EditWishes } from '../features/workspaceEdit.ts';
import { createService, type Service } from '../service.ts';

/** Dimensions of Llama-2 7B: K of down_proj is 11008 = 43 x 256. */
export const llama7b = JSON.stringify({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  vocab_size: 32000,
  max_position_embeddings: 4096,
  tie_word_embeddings: false,
  torch_dtype: 'float16',
});

export interface Setting {
  readonly name?: string;
  readonly model?: string | null;
  readonly targets?: readonly Target[];
  readonly snippets?: boolean;
  readonly files?: ModelFiles | null;
  readonly severity?: SeveritySettings;
  readonly side?: SideFile;
  readonly languageId?: string;
  /** URIs that are there. */
  readonly present?: readonly string[];
  readonly edits?: EditWishes;
}

export interface Marked {
  readonly document: TextDocument;
  readonly service: Service;
  diagnostics(): Promise<Diagnostic[]>;
  completions(): Promise<CompletionItem[]>;
  labels(): Promise<string[]>;
  /** The document after accepting the completion with this label, snippet marks taken out. */
  accepted(label: string): Promise<string>;
  hover(): Promise<string>;
  actions(only?: string): Promise<CodeAction[]>;
  /** The document after the action with this title (or the first that holds it). */
  fixed(title: string): Promise<string>;
}

export function target(runtime: Target['runtime'], device: string | null = null, tensorParallel = 1): Target {
  return { runtime, version: null, device, tensorParallel };
}

/** Without a marker the cursor stands at the start. */
export function marked(text: string, setting: Setting = {}): Marked {
  const place = text.indexOf('|');
  const plain = place === -1 ? text : text.slice(0, place) + text.slice(place + 1);
  const document = TextDocument.create(`file:///w/${setting.name ?? 'my.quant.json'}`, setting.languageId ?? 'json', 1, plain);
  const position = document.positionAt(Math.max(0, place));
  const conditions: Conditions = {
    targets: setting.targets ?? [],
    modelConfigText: setting.model ?? null,
    files: setting.files ?? null,
    severity: setting.severity ?? {},
    side: setting.side ?? noSideFile,
    sideName: setting.name ?? 'my.quant.json',
  };
  const service = createService({
    conditionsFor: () => Promise.resolve(conditions),
    diagnosticPage: diagnosticPages('file:///p/docs/diagnostics'),
    snippets: () => setting.snippets ?? true,
    edits: () => setting.edits ?? { versioned: false, createFiles: false },
    commands: () => true,
    exists: (uri) => Promise.resolve(setting.present?.includes(uri) ?? false),
  });
  const completions = async (): Promise<CompletionItem[]> => (await service.completion(document, position))?.items ?? [];
  const actions = async (only?: string): Promise<CodeAction[]> => {
    const range = { start: { line: 0, character: 0 }, end: document.positionAt(plain.length) };
    return service.codeActions(document, range, { diagnostics: await service.diagnostics(document), ...(only === undefined ? {} : { only: [only] }) });
  };
  return {
    document,
    service,
    completions,
    actions,
    diagnostics: () => service.diagnostics(document),
    labels: async () => (await completions()).map((item) => item.label),
    async accepted(label) {
      const item = (await completions()).find((found) => found.label === label);
      if (item === undefined) throw new Error(`no completion ${label}`);
      return TextDocument.applyEdits(document, [...(item.additionalTextEdits ?? []), withoutSnippet(item)]);
    },
    hover: async () => markdownOf(await service.hover(document, position)),
    async fixed(title) {
      const found = await actions();
      const action = found.find((one) => one.title === title) ?? found.find((one) => one.title.includes(title));
      if (action === undefined) throw new Error(`no action ${title} among ${found.map((one) => one.title).join(' / ')}`);
      return TextDocument.applyEdits(document, action.edit?.changes?.[document.uri] ?? []);
    },
  };
}

function withoutSnippet(item: CompletionItem): TextEdit {
  const edit = item.textEdit;
  if (edit === undefined || !('range' in edit)) throw new Error(`${item.label} has no text edit`);
  if (item.insertTextFormat !== 2) return edit;
  const first = edit.newText.replace(/\$\{1\|((?:[^,|\\]|\\.)*)(?:[^|\\]|\\.)*\|\}/g, '$1').replace(/\$\{1:((?:[^}\\]|\\.)*)\}/g, '$1');
  return { range: edit.range, newText: first.replace(/\$\d/g, '').replace(/\\([\\$},|])/g, '$1') };
}

function markdownOf(hover: Hover | null): string {
  const contents = hover?.contents;
  return contents !== undefined && typeof contents === 'object' && 'value' in contents ? contents.value : '';
}
