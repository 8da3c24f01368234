// Patterns for lists and tables of modules: the kinds of modules that the model has, generalised over its layers, with how many each one
// matches. How the format spells a pattern is found by letting it read several spellings.
import type { JsonPath } from '@quantwright/schemas/recipe/origin';
import { CompletionItemKind } from 'vscode-languageserver';
import { type Analysis, checkInstead } from '../../document/analysis.ts';
import type { Cursor } from '../../document/cursor.ts';
import { schemaAt } from '../../schema/formatSchema.ts';
import { same } from '../../schema/jsonSchema.ts';
import { countWords, matchesFor, modulesOfModel, type PatternField, patternsAt } from '../modules.ts';
import { insertionInto, type Proposal } from './proposal.ts';
import { escapeText } from './snippet.ts';

type Place = Exclude<Cursor, { kind: 'none' }>;

/** Keys under which formats list modules; where a schema says so itself (x-names) that counts, too. */
const listKeys =
  /^(ignore|targets|overrides|modules_to_not_convert|exclude_modules|modules_to_convert|llm_int8_skip_modules|ignored_layers|modules_in_block_to_quantize|dynamic|skip_modules)$/;
/** More kinds than any model has. */
const kindLimit = 60;
const commonNames = ['lm_head', 'embed_tokens'];

interface Kind {
  /** What all its modules end with, or hold between dots. */
  readonly name: string;
  readonly at: 'end' | 'inside' | 'whole';
  readonly example: string;
}

/** Null: the cursor is not where modules are named. */
export function modulePatternProposals(analysis: Analysis, cursor: Place): readonly Proposal[] | null {
  const field = fieldAt(analysis, cursor);
  if (field === null) return null;
  const modules = modulesOfModel(analysis);
  const kinds = modules.length === 0 ? commonNames.map((name) => ({ name, at: 'whole' as const, example: name })) : kindsOf(modules);
  const [first] = kinds;
  if (first === undefined) return null;
  const spelling = spellings.find((spell) => reads(analysis, cursor, field, spell, kinds.find(({ at }) => at === 'end') ?? first, modules)) ?? plain;
  const texts = [...new Set(kinds.map(spelling))].filter((text) => !standsThere(analysis, cursor, text));
  const counts = countsOf(analysis, cursor, field, texts, modules);
  return texts.map((text, index) => {
    const count = counts[index] ?? null;
    const words = count === null ? '' : `matches ${countWords(count)}`;
    const inserted = JSON.stringify(text) + (cursor.kind === 'key' && !cursor.hasColon ? ': {}' : '');
    return {
      label: text,
      detail: words,
      documentation: words === '' ? '' : `${words} of ${modules.length} in the model.`,
      text: inserted,
      snippet: cursor.kind === 'key' && !cursor.hasColon ? `${escapeText(JSON.stringify(text))}: { $1 }` : null,
      kind: CompletionItemKind.Module,
      preselect: false,
      deprecated: false,
    };
  });
}

function fieldAt(analysis: Analysis, cursor: Place): PatternField | null {
  const listPath: JsonPath = cursor.kind === 'key' ? cursor.objectPath : cursor.path.slice(0, -1);
  if (cursor.kind === 'value' && typeof cursor.path.at(-1) !== 'number') return null;
  const { origins } = analysis.result;
  if (cursor.kind === 'value' && origins.ignore?.present === true && same(origins.ignore.path, listPath)) return 'ignore';
  if (cursor.kind === 'key' && origins.overrides?.present === true && same(origins.overrides.path, listPath)) return 'overrides';
  const schemas = schemaAt(analysis, listPath)?.schemas ?? [];
  const named = schemas.some((schema) => schema['x-names'] === 'module-pattern' || schema.items?.['x-names'] === 'module-pattern');
  const wide = cursor.kind === 'value' && listKeys.test(String(listPath.at(-1))) && schemas.length > 0;
  return named || wide ? (cursor.kind === 'key' ? 'overrides' : 'ignore') : null;
}

/** Last parts first (down_proj), then what stands around them (mlp, self_attn), then modules outside the layers (lm_head). */
function kindsOf(modules: readonly string[]): readonly Kind[] {
  const kinds = new Map<string, Kind>();
  const add = (kind: Kind): void => {
    const key = `${kind.at} ${kind.name}`;
    if (!kinds.has(key) && kinds.size < kindLimit) kinds.set(key, kind);
  };
  const layered = modules.filter((module) => /\.\d+\./.test(module));
  for (const module of layered) add({ name: module.slice(module.lastIndexOf('.') + 1), at: 'end', example: module });
  for (const module of layered) {
    const inner = module.replace(/^.*?\.\d+\./, '').split('.');
    for (const part of inner.slice(0, -1)) if (!/^\d+$/.test(part)) add({ name: part, at: 'inside', example: module });
  }
  for (const module of modules) if (!/\.\d+\./.test(module)) add({ name: module, at: 'whole', example: module });
  return [...kinds.values()];
}

type Spell = (kind: Kind) => string;

const escaped = (name: string): string => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const expression: Spell = ({ name, at }) => (at === 'end' ? `.*${escaped(name)}` : at === 'inside' ? `.*\\.${escaped(name)}\\..*` : escaped(name));
const marked: Spell = (kind) => (kind.at === 'whole' ? kind.name : `re:${expression(kind)}`);
const wildcard: Spell = ({ name, at }) => (at === 'end' ? `*${name}` : at === 'inside' ? `*.${name}.*` : name);
const plain: Spell = ({ name }) => name;
/** A format that reads several takes the first; ours reads both of the first two. */
const spellings: readonly Spell[] = [expression, marked, wildcard, plain];

/** Whether the format understands a kind so spelled: it matches a module of that kind, and not every module. */
function reads(analysis: Analysis, cursor: Place, field: PatternField, spell: Spell, kind: Kind, modules: readonly string[]): boolean {
  const [count] = countsOf(analysis, cursor, field, [spell(kind)], modules.length === 0 ? [kind.example, '?'] : modules);
  return count !== undefined && count !== null && count > 0 && (count < modules.length || modules.length <= 1);
}

/** How many modules each text would match, by the format's own reading of a config that holds them; null where that is not known. */
function countsOf(analysis: Analysis, cursor: Place, field: PatternField, texts: readonly string[], modules: readonly string[]): readonly (number | null)[] {
  const inserted = texts.map((text) => JSON.stringify(text) + (field === 'overrides' ? ': {}' : '')).join(separator(analysis, cursor));
  const result = checkInstead(analysis, insertionInto(analysis.document.getText(), cursor, inserted));
  const path = cursor.kind === 'key' ? cursor.objectPath : cursor.path.slice(0, -1);
  const patterns = patternsAt(result, { field, path });
  const start = cursor.replace.start;
  const here = patterns.filter(({ node }) => (node.keyRange ?? node.range).start >= start);
  return texts.map((_, index) => {
    const pattern = here[index];
    return pattern === undefined ? null : (matchesFor(pattern, modules)?.length ?? null);
  });
}

/** Between several items put in at once: a comma, or a new line of a YAML block. */
function separator({ language, document }: Analysis, { replace }: Place): string {
  const text = document.getText();
  const line = text.slice(text.lastIndexOf('\n', replace.start - 1) + 1, replace.start);
  return language === 'json' || /[[{]/.test(line) ? ', ' : `\n${line}`;
}

function standsThere(analysis: Analysis, cursor: Place, text: string): boolean {
  const typed = analysis.document.getText().slice(cursor.replace.start, cursor.replace.end);
  if (typed === JSON.stringify(text)) return false;
  const place =
    cursor.kind === 'key' ? ({ field: 'overrides', path: cursor.objectPath } as const) : ({ field: 'ignore', path: cursor.path.slice(0, -1) } as const);
  return patternsAt(analysis.result, place).some(({ node }) => (cursor.kind === 'key' ? node.key : node.value) === text);
}
