// Treats the shards of fused layers alike: each pattern that names some of them is written for the missing ones too. A fix is offered only when the
// config, read again with it, has no such split any more.
import type { Edit, Fix } from '../../check/finding.ts';
import { valueAt } from '../../check/schema-words.ts';
import { type WrittenPattern, writtenPatterns } from '../../configs/written-patterns.ts';
import { applyEdits } from '../../document/edit.ts';
import { nodeAt } from '../../document/find.ts';
import { parseDocument } from '../../document/parse.ts';
import { addToList } from '../list-edits.ts';
import type { RuleContext } from '../rule.ts';
import { type Split, splitsOf } from './splits.ts';

/** Reading the whole config again is for files of ordinary size. */
const LARGEST = 300_000;

export function shardFixes({ ignored, differing, others }: Split, alike: readonly Split[], modules: readonly string[], context: RuleContext): readonly Fix[] {
  const named = ignored.length > 0 ? ignored : differing;
  const missing = ignored.length > 0 ? [...differing, ...others] : others;
  if (context.document.text.length > LARGEST) {
    return [];
  }
  const uses = ignored.length > 0 ? 'ignore' : 'settings';
  const patterns = writtenPatterns(context.format.id, context.value, context.path).filter(
    ({ use, text }) => use === uses && named.some((name) => text.includes(name)),
  );
  const added = patterns.flatMap((pattern) =>
    named.filter((name) => pattern.text.includes(name)).flatMap((name) => missing.map((other) => ({ pattern, text: pattern.text.replaceAll(name, other) }))),
  );
  const fresh = added.filter(({ text }, index) => !patterns.some((pattern) => pattern.text === text) && added.findIndex((one) => one.text === text) === index);
  const edits = editsOf(fresh, context);
  return edits.length > 0 && settles(edits, alike, modules, context)
    ? [{ title: `Treat ${missing.join(', ')} as ${named.join(', ')}`, edits, preferred: true }]
    : [];
}

function editsOf(fresh: readonly { readonly pattern: WrittenPattern; readonly text: string }[], context: RuleContext): readonly Edit[] {
  const lists = new Map<string, { readonly list: WrittenPattern['path']; readonly texts: string[] }>();
  const edits: Edit[] = [];
  for (const { pattern, text } of fresh) {
    const holder = pattern.path.slice(0, -1);
    if (pattern.isKey) {
      edits.push({ kind: 'set', path: [...holder, text], value: nodeAt(context.document.root, pattern.path)?.value });
    } else {
      const list = lists.get(JSON.stringify(holder)) ?? { list: holder, texts: [] };
      list.texts.push(text);
      lists.set(JSON.stringify(holder), list);
    }
  }
  return [...edits, ...[...lists.values()].flatMap(({ list, texts }) => addToList(context.document, list, texts))];
}

function settles(edits: readonly Edit[], alike: readonly Split[], modules: readonly string[], { document, format, path }: RuleContext): boolean {
  const text = applyEdits(document.text, edits, document.language);
  const value = valueAt(parseDocument(document.language === 'yaml' ? 'a.yaml' : 'a.json', text).root?.value, path);
  const { recipe } = format.lower(value, path);
  const parents = new Set(alike.map(({ parent }) => parent));
  return recipe !== null && !splitsOf(recipe, modules).some(({ parent }) => parents.has(parent));
}
