// Members that an object may still have: required ones first, each with a value to start from that the judge accepts.
import type { JsonSchema } from '@quantwright/schemas/configs/json-schema';
import type { JsonPath } from '@quantwright/schemas/recipe/origin';
import { CompletionItemKind } from 'vscode-languageserver';
import { type Analysis, checkInstead } from '../../document/analysis.ts';
import type { Cursor } from '../../document/cursor.ts';
import { defaultOf, describeMember } from '../../schema/describe.ts';
import { schemaAt } from '../../schema/formatSchema.ts';
import { same, typesOf } from '../../schema/jsonSchema.ts';
import { type Judgement, judge } from '../judgement.ts';
import { insertionInto, type Proposal } from './proposal.ts';
import { escapeText, valueSnippet } from './snippet.ts';
import { type Candidates, candidatesFor, valueAt, whyOf } from './values.ts';

/** Values tried for one key before giving up: a list of keys must not keep a typist waiting. */
const triedLimit = 8;

export function keyProposals(analysis: Analysis, cursor: Extract<Cursor, { kind: 'key' }>): readonly Proposal[] {
  const place = schemaAt(analysis, cursor.objectPath);
  if (place === null) return [];
  const present = keysBeside(analysis, cursor);
  const required = new Set(place.schemas.flatMap((found) => found.required ?? []));
  return [...place.members]
    .filter(([key]) => !present.has(key))
    .sort(([left], [right]) => Number(required.has(right)) - Number(required.has(left)))
    .map(([key, schemas]) => proposalFor(analysis, cursor, key, schemas, required.has(key)));
}

function proposalFor(analysis: Analysis, cursor: Extract<Cursor, { kind: 'key' }>, key: string, schemas: readonly JsonSchema[], required: boolean): Proposal {
  const path = [...cursor.objectPath, key];
  const quoted = JSON.stringify(key);
  // Before a colon only the key changes; the value that stands there stays.
  const member = (value: unknown): string => (cursor.hasColon ? quoted : `${quoted}: ${JSON.stringify(value)}`);
  const text = (value: unknown): string => insertionInto(analysis.document.getText(), cursor, member(value));
  const fallback = defaultOf(schemas);
  const candidates = candidatesFor(analysis, schemas, path, text);
  // The tool's default when the judge has nothing against it, else the first that it accepts.
  // Group sizes are in the order to try them already: most defaults are "per channel", which nobody writes a key for.
  const isDefault = (value: unknown): boolean => candidates.kind !== 'groupSize' && same(value, fallback);
  const inOrder = [...candidates.values.filter(isDefault), ...candidates.values.filter((value) => !isDefault(value))];
  const { value, judgement } = firstAccepted(analysis, path, inOrder.length > 0 ? inOrder : [emptyValue(schemas)], text);
  const choices = choicesFor(analysis, path, candidates, text);
  return {
    label: key,
    detail: [required ? 'required' : '', cursor.hasColon ? '' : JSON.stringify(value)].filter((part) => part !== '').join(' '),
    documentation: [
      describeMember(key, schemas),
      judgement.verdicts.length === 0 || cursor.hasColon ? '' : `With \`${JSON.stringify(value)}\`:\n\n${whyOf(judgement)}`,
    ]
      .filter((part) => part !== '')
      .join('\n\n'),
    text: member(value),
    snippet: cursor.hasColon ? null : `${escapeText(quoted)}: ${valueSnippet(value, choices)}`,
    kind: CompletionItemKind.Property,
    preselect: false,
    deprecated: schemas.some((found) => found.deprecated === true),
  };
}

/** Values that the inserted key lets one step through. Group sizes are offered as a value completion would: none that a target refuses. */
function choicesFor(analysis: Analysis, path: JsonPath, { kind, values }: Candidates, textWith: (value: unknown) => string): readonly unknown[] {
  if (kind === 'open') return [];
  if (kind === 'listed') return values;
  return values.filter((value) => judge(checkInstead(analysis, textWith(value)), path).blamed.length === 0);
}

/** Most defaults are accepted, so usually one check decides; when all are refused the first is as good as any. */
function firstAccepted(
  analysis: Analysis,
  path: JsonPath,
  values: readonly unknown[],
  textWith: (value: unknown) => string,
): { readonly value: unknown; readonly judgement: Judgement } {
  const [first, ...others] = values;
  const judged = (value: unknown): { value: unknown; judgement: Judgement } => ({ value, judgement: judge(checkInstead(analysis, textWith(value)), path) });
  const preferred = judged(first);
  if (preferred.judgement.blamed.length === 0) return preferred;
  for (const value of others.slice(0, triedLimit)) {
    const other = judged(value);
    if (other.judgement.blamed.length === 0) return other;
  }
  return preferred;
}

/** Keys the object has already; the one under the cursor does not count, it is being replaced. */
function keysBeside(analysis: Analysis, cursor: Extract<Cursor, { kind: 'key' }>): ReadonlySet<string> {
  const object = valueAt(analysis, cursor.objectPath);
  const keys = new Set(typeof object === 'object' && object !== null ? Object.keys(object) : []);
  const typed = analysis.document.getText().slice(cursor.replace.start, cursor.replace.end).replaceAll('"', '');
  const whole = cursor.hasColon || typed === '';
  if (!whole || cursor.hasColon) keys.delete(typed);
  return keys;
}

function emptyValue(schemas: readonly JsonSchema[]): unknown {
  const [type] = typesOf(schemas);
  if (type === 'object') return {};
  if (type === 'array') return [];
  if (type === 'boolean') return false;
  if (type === 'number' || type === 'integer') return schemas.find((found) => found.minimum !== undefined)?.minimum ?? 0;
  return type === 'null' ? null : '';
}
