// Edits of a finding's fix -> changes of the text that keep the author's layout (indentation, line ends, comments elsewhere).
import type { Edit } from '../check/finding.ts';
import type { JsonPath } from '../recipe/origin.ts';
import { insertMember, removeMember } from './edit-members.ts';
import { applyReplacements, difference, type Replacement } from './edit-replacements.ts';
import { nodeAt } from './find.ts';
import { parseJson } from './json.ts';
import type { DocumentLanguage } from './node.ts';
import { type PathEdit, yamlReplacements } from './yaml-edit.ts';

export { applyReplacements, type Replacement } from './edit-replacements.ts';

/** The text after all edits. Ranges of `replace` edits are of the given text; path edits follow in order. An edit of nothing changes nothing. */
export function applyEdits(text: string, edits: readonly Edit[], language: DocumentLanguage = 'json'): string {
  const ranges = edits.filter((edit) => edit.kind === 'replace').map(({ range, text: inserted }) => ({ range, text: inserted }));
  let result = applyReplacements(text, ranges);
  for (const edit of edits) {
    if (edit.kind !== 'replace') {
      result = applyReplacements(result, editToReplacements(result, edit, language));
    }
  }
  return result;
}

/** Changes of `text` for an editor, not overlapping. Several edits become one change around all that differs. */
export function editsToReplacements(text: string, edits: Edit | readonly Edit[], language: DocumentLanguage = 'json'): readonly Replacement[] {
  const list = isList(edits) ? edits : [edits];
  const [only] = list;
  if (list.length === 1 && only !== undefined) {
    return only.kind === 'replace' ? [{ range: only.range, text: only.text }] : editToReplacements(text, only, language);
  }
  return difference(text, applyEdits(text, list, language));
}

function editToReplacements(text: string, edit: PathEdit, language: DocumentLanguage): readonly Replacement[] {
  return language === 'yaml' ? yamlReplacements(text, edit) : jsonReplacements(text, edit);
}

function jsonReplacements(text: string, edit: PathEdit): readonly Replacement[] {
  const { root } = parseJson(text);
  const node = nodeAt(root, edit.path);
  if (edit.kind === 'rename') {
    return node?.keyRange ? [{ range: node.keyRange, text: JSON.stringify(edit.key) }] : [];
  }
  if (edit.kind === 'remove') {
    return node === null ? [] : removeMember(text, node);
  }
  if (node !== null) {
    const start = node.range.start === node.range.end ? ' ' : '';
    return [{ range: node.range, text: start + JSON.stringify(edit.value) }];
  }
  return insertMissing(text, root, edit.path, edit.value);
}

function insertMissing(text: string, root: ReturnType<typeof nodeAt>, path: JsonPath, value: unknown): readonly Replacement[] {
  for (let depth = path.length - 1; depth >= 0; depth -= 1) {
    const parent = nodeAt(root, path.slice(0, depth));
    const key = path[depth];
    if (parent !== null && key !== undefined) {
      if (parent.type !== 'object' || typeof key !== 'string') {
        return [];
      }
      const nested = path.slice(depth + 1).reduceRight<unknown>((inner, step) => ({ [String(step)]: inner }), value);
      return insertMember(text, parent, key, nested);
    }
  }
  return [];
}

function isList(edits: Edit | readonly Edit[]): edits is readonly Edit[] {
  return Array.isArray(edits);
}
