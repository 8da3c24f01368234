// Values for a member: those the schema lists, or legal group sizes. Every candidate is put into the text and checked; what the
// judge would refuse stands last and says so.
import type { JsonSchema } from '@quantwright/schemas/configs/json-schema';
import type { JsonPath } from '@quantwright/schemas/recipe/origin';
import { CompletionItemKind } from 'vscode-languageserver';
import { type Analysis, checkInstead, checksAllowed } from '../../document/analysis.ts';
import type { Cursor } from '../../document/cursor.ts';
import { defaultOf, meaningOfValue } from '../../schema/describe.ts';
import { schemaAt } from '../../schema/formatSchema.ts';
import { child, listedValues, same, typesOf } from '../../schema/jsonSchema.ts';
import { type Judgement, judge, verdictLines, verdictSummary } from '../judgement.ts';
import { groupSizesThatFit, isGroupSize } from './groupSizes.ts';
import { insertionInto, type Proposal } from './proposal.ts';

interface JudgedValue {
  readonly value: unknown;
  readonly judgement: Judgement;
}

/** Values of one list (a choice of modules, say) are judged up to here: a key stroke must not wait for more. */
const judgedLimit = 24;

export function valueProposals(analysis: Analysis, cursor: Extract<Cursor, { kind: 'value' }>): readonly Proposal[] {
  const schemas = schemaAt(analysis, cursor.path)?.schemas ?? [];
  const fallback = defaultOf(schemas);
  const judged = judgedValues(analysis, schemas, cursor.path, (value) => insertionInto(analysis.document.getText(), cursor, JSON.stringify(value)));
  const [first] = judged;
  return judged.map(({ value, judgement }) => ({
    label: typeof value === 'string' ? value : JSON.stringify(value),
    detail: detailOf(value, judgement, fallback),
    documentation: [meaningOfValue(schemas, value), whyOf(judgement)].filter((part) => part !== '').join('\n\n'),
    text: JSON.stringify(value),
    snippet: null,
    kind: typeof value === 'string' ? CompletionItemKind.EnumMember : CompletionItemKind.Value,
    preselect: value === first?.value && judgement.blamed.length === 0,
    deprecated: false,
  }));
}

/** Candidates with their judgements, best first. `textWith` is the whole text with a value put in. */
function judgedValues(analysis: Analysis, schemas: readonly JsonSchema[], path: JsonPath, textWith: (value: unknown) => string): readonly JudgedValue[] {
  const { values, kind } = candidatesFor(analysis, schemas, path, textWith);
  const allowed = checksAllowed(analysis.input.text);
  const judged = values
    .slice(0, judgedLimit)
    .map((value, index) => ({ value, judgement: index < allowed ? judge(checkInstead(analysis, textWith(value)), path) : unjudged }));
  const kept = kind === 'groupSize' ? judged.filter(({ judgement }) => judgement.blamed.length === 0) : judged;
  return [...kept].sort((left, right) => cost(left.judgement) - cost(right.judgement));
}

/** In texts of megabytes only the first values are tried. */
const unjudged: Judgement = { verdicts: [], blamed: [], errors: 0, warnings: 0 };

export interface Candidates {
  readonly values: readonly unknown[];
  /** listed: no other value is allowed; open: suggestions. */
  readonly kind: 'listed' | 'groupSize' | 'open';
}

/** What could stand at the path, before anybody judged it. */
export function candidatesFor(analysis: Analysis, schemas: readonly JsonSchema[], path: JsonPath, textWith: (value: unknown) => string): Candidates {
  const { values, closed } = listedValues(schemas);
  if (closed) return { values, kind: 'listed' };
  if (mayBeInteger(schemas) && isGroupSize(checkInstead(analysis, textWith(128)), path))
    return { values: groupSizesThatFit(analysis, values), kind: 'groupSize' };
  return { values, kind: 'open' };
}

function mayBeInteger(schemas: readonly JsonSchema[]): boolean {
  const types = typesOf(schemas);
  return types.length === 0 || types.includes('integer') || types.includes('number');
}

/** Why a value is offered, and what it would meet. */
export function whyOf(judgement: Judgement): string {
  // What a target says stands in its own line, with source and nearest change; here only what no target caused.
  const told = new Set(judgement.verdicts.flatMap((verdict) => (verdict.kind === 'supported' ? [] : [verdict.rule])));
  const blamed = judgement.blamed
    .filter((finding) => finding.supportRule === null || !told.has(finding.supportRule))
    .map((finding) => `⚠ ${finding.code}: ${finding.message}`);
  return [...blamed, verdictLines(judgement.verdicts).join('\n')].filter((part) => part !== '').join('\n\n');
}

function detailOf(value: unknown, judgement: Judgement, fallback: unknown): string {
  const words = [fallback !== undefined && same(value, fallback) ? 'default' : '', verdictSummary(judgement.verdicts)];
  if (judgement.blamed.length > 0 && judgement.verdicts.every((verdict) => verdict.kind !== 'refused')) words.push('not valid here');
  return words.filter((word) => word !== '').join(', ');
}

/** Blame weighs most, then errors anywhere, then limits of the targets. A stable sort keeps the schema's order among equals. */
function cost(judgement: Judgement): number {
  const limited = judgement.verdicts.filter((verdict) => verdict.kind !== 'supported').length;
  return judgement.blamed.length * 1e6 + judgement.errors * 1e4 + limited * 100 + judgement.warnings;
}

export function valueAt(analysis: Analysis, path: JsonPath): unknown {
  return path.reduce<unknown>((value, step) => child(value, step), analysis.result.tree?.value);
}
