// Members that an object may still have: required ones first, each with a value to start from that the judge accepts.
import type { JsonSchema } from '@quantwright/schemas/configs/json-schema';
import { CompletionItemKind } from 'vscode-languageserver';
import { type Analysis, checkInstead } from '../../document/analysis.ts';
import type { Cursor } from '../../document/cursor.ts';
import { defaultOf, describeMember } from '../../schema/describe.ts';
import { schemaAt } from '../../schema/formatSchema.ts';
import { listedValues, typesOf } from '../../schema/jsonSchema.ts';
import { judge } from '../judgement.ts';
import { insertionInto, type Proposal } from './proposal.ts';
import { escapeText, valueSnippet } from './snippet.ts';
import { judgedValues, valueAt, whyOf } from './values.ts';

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
  const text = (value: unknown): string => insertionInto(analysis.document.getText(), cursor, `${quoted}: ${JSON.stringify(value)}`);
  const judged = judgedValues(analysis, schemas, path, text);
  const fallback = defaultOf(schemas);
  // The tool's default when the judge has nothing against it, else the best of what there is.
  const best = judged.find(({ value, judgement }) => value === fallback && judgement.blamed.length === 0) ?? judged[0];
  const value = best === undefined ? emptyValue(schemas) : best.value;
  const judgement = best?.judgement ?? judge(checkInstead(analysis, text(value)), path);
  const choices = listedValues(schemas).closed || judged.length > 1 ? judged.filter((one) => one.judgement.blamed.length === 0).map((one) => one.value) : [];
  return {
    label: key,
    detail: [required ? 'required' : '', JSON.stringify(value)].filter((part) => part !== '').join(' '),
    documentation: [describeMember(key, schemas), judgement.verdicts.length === 0 ? '' : `With \`${JSON.stringify(value)}\`:\n\n${whyOf(judgement)}`]
      .filter((part) => part !== '')
      .join('\n\n'),
    text: cursor.hasColon ? quoted : `${quoted}: ${JSON.stringify(value)}`,
    snippet: cursor.hasColon ? null : `${escapeText(quoted)}: ${valueSnippet(value, choices)}`,
    kind: CompletionItemKind.Property,
    preselect: false,
    deprecated: schemas.some((found) => found.deprecated === true),
  };
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
