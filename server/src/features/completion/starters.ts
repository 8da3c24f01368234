// Whole configs to begin with, in an empty file or an empty object that a format would recognise once they stand there.
import type { ConfigFormat } from '@quantwright/schemas/configs/config-format';
import { formats } from '@quantwright/schemas/configs/registry';
import { nodeAtOffset, pathOf } from '@quantwright/schemas/document/find';
import type { ConfigNode } from '@quantwright/schemas/document/node';
import { parseDocument } from '@quantwright/schemas/document/parse';
import { printBehindDash } from '@quantwright/schemas/document/yaml-print';
import { CompletionItemKind, type CompletionList, type Position, TextEdit } from 'vscode-languageserver';
import type { Analysis } from '../../document/analysis.ts';
import { same } from '../../schema/jsonSchema.ts';
import { toRange } from '../diagnostics.ts';
import { escapeText } from './snippet.ts';

/** A file that is mostly empty is not large. */
const sizeLimit = 64_000;
/** File names under which people write configs; an empty object in any other file is none of our business. */
const telling = /quant|config|recipe|^ds_|^untitled/i;

/** Null: the cursor is not in an empty file or object where a config may begin. */
export function snippetCompletions(analysis: Analysis, position: Position, snippets: boolean): CompletionList | null {
  const { document, language, input, result } = analysis;
  const text = document.getText();
  if (text.length > sizeLimit || !telling.test(input.fileName)) return null;
  const offset = document.offsetAt(position);
  const node = text.trim() === '' ? null : emptyObjectAt(result.tree, offset);
  if (node === undefined) return null;
  const place = node === null ? { start: 0, end: text.length } : node.range;
  // Editors take only a completion that stays in the line of the cursor.
  const oneLine = !/[\r\n]/.test(text.slice(place.start, place.end));
  const replace = oneLine ? place : { start: offset, end: offset };
  const path = node === null ? [] : pathOf(node);
  const margin = node === null ? '' : (/(?:^|\n)([ \t]*)[^\n]*$/.exec(text.slice(0, node.range.start))?.[1] ?? '');
  const items = formats.flatMap((format) =>
    (format.snippets ?? []).flatMap(({ label, description, value }) => {
      const whole = language === 'yaml' && node === null ? `${printBehindDash(value, 0)}\n` : JSON.stringify(value, null, 2).replaceAll('\n', `\n${margin}`);
      if (!recognised(format, input.fileName, text.slice(0, place.start) + whole + text.slice(place.end), path)) return [];
      const inserted = oneLine || node === null ? whole : withoutBraces(whole);
      return [
        {
          label,
          kind: CompletionItemKind.Snippet,
          detail: format.title,
          documentation: { kind: 'markdown' as const, value: `${description}\n\n\`\`\`${language}\n${whole}\n\`\`\`` },
          filterText: text.slice(replace.start, offset) + label,
          textEdit: TextEdit.replace(toRange(document, replace), snippets ? escapeText(inserted) : inserted),
          insertTextFormat: snippets ? (2 as const) : (1 as const),
          // The text is indented for its place already.
          insertTextMode: 1 as const,
        },
      ];
    }),
  );
  return items.length === 0 ? null : { isIncomplete: false, items: items.map((item, index) => ({ ...item, sortText: String(index).padStart(4, '0') })) };
}

/** Undefined: something stands there. */
function emptyObjectAt(tree: ConfigNode | null, offset: number): ConfigNode | undefined {
  const node = nodeAtOffset(tree, offset);
  return node !== null && node.type === 'object' && node.children.length === 0 && node.range.start < offset && offset < node.range.end ? node : undefined;
}

/** The members of a printed object, for an object whose braces stand on lines of their own. */
function withoutBraces(printed: string): string {
  return printed.replace(/^\{\s*/, '').replace(/\s*\}$/, '');
}

function recognised(format: ConfigFormat, fileName: string, text: string, path: readonly (string | number)[]): boolean {
  const { root } = parseDocument(fileName, text);
  const first = formats.find((one) => one.match(fileName, root) !== null);
  return first === format && same(format.match(fileName, root)?.path, path);
}
