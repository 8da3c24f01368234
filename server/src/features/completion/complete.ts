// Completion in a config: the missing members of an object, or the values of a member, each with why. Damaged text completes too.
import type { OffsetRange } from '@quantwright/schemas/check/finding';
import { type CompletionItem, type CompletionList, type Position, TextEdit } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { Analysis } from '../../document/analysis.ts';
import { type Cursor, cursorAt } from '../../document/cursor.ts';
import { yamlCursorAt } from '../../document/yamlCursor.ts';
import { toRange } from '../diagnostics.ts';
import { keyProposals } from './keys.ts';
import { modulePatternProposals } from './modulePatterns.ts';
import type { Proposal } from './proposal.ts';
import { valueProposals } from './values.ts';
import { asYaml } from './yamlProposal.ts';

export function complete(analysis: Analysis, position: Position, snippets: boolean): CompletionList | null {
  const { document, result, language } = analysis;
  if (result.format === null) return null;
  const find = language === 'yaml' ? yamlCursorAt : cursorAt;
  const cursor = find(document.getText(), document.offsetAt(position));
  if (cursor.kind === 'none') return null;
  const found = modulePatternProposals(analysis, cursor) ?? (cursor.kind === 'key' ? keyProposals(analysis, cursor) : valueProposals(analysis, cursor));
  const proposals = language === 'yaml' ? found.map((proposal) => asYaml(proposal, cursor)) : found;
  return { isIncomplete: false, items: proposals.map((proposal, index) => toItem(document, cursor, proposal, index, snippets)) };
}

function toItem(document: TextDocument, cursor: Exclude<Cursor, { kind: 'none' }>, proposal: Proposal, index: number, snippets: boolean): CompletionItem {
  const after = cursor.commaAfter ? ',' : '';
  const asSnippet = snippets && proposal.snippet !== null;
  const newText = (asSnippet ? (proposal.snippet ?? proposal.text) : proposal.text) + after;
  const item: CompletionItem = {
    label: proposal.label,
    kind: proposal.kind,
    detail: proposal.detail,
    // Shown in every row, so that one sees who refuses what without walking through the list.
    labelDetails: { description: proposal.detail },
    documentation: { kind: 'markdown', value: proposal.documentation },
    // Clients filter by the text that is replaced, quotes included.
    filterText: filterTextOf(document.getText(), cursor.replace, proposal.label),
    sortText: String(index).padStart(4, '0'),
    insertTextFormat: asSnippet ? 2 : 1,
    textEdit: TextEdit.replace(toRange(document, cursor.replace), newText),
    preselect: proposal.preselect,
  };
  if (proposal.deprecated) item.tags = [1];
  if (cursor.commaBefore !== null) item.additionalTextEdits = [TextEdit.insert(document.positionAt(cursor.commaBefore), ',')];
  return item;
}

function filterTextOf(text: string, replace: OffsetRange, label: string): string {
  return text[replace.start] === '"' ? JSON.stringify(label) : label;
}
