// Hover on a config: what a key means, what a value leads to on each target, and what a finding that stands there is about.
import type { Finding } from '@quantwright/schemas/check/finding';
import { nodeAtOffset, pathOf } from '@quantwright/schemas/document/find';
import type { ConfigNode } from '@quantwright/schemas/document/node';
import type { JsonPath } from '@quantwright/schemas/recipe/origin';
import type { Hover, Position } from 'vscode-languageserver';
import type { Analysis } from '../document/analysis.ts';
import { describeMember, meaningOfValue } from '../schema/describe.ts';
import { schemaAt } from '../schema/formatSchema.ts';
import { same } from '../schema/jsonSchema.ts';
import { ruleHelp } from '../schema/ruleHelp.ts';
import { toRange } from './diagnostics.ts';
import type { DiagnosticPage } from './documentation.ts';
import { decisivePerTarget, targetWords, verdictLines } from './judgement.ts';
import { countWords, matchesFor, modulesOfModel, patternPlaces, patternsAt } from './modules.ts';
import { withLinks } from './sourceLinks.ts';

export function hover(analysis: Analysis, position: Position, pageOf: DiagnosticPage): Hover | null {
  const { document, result } = analysis;
  if (result.format === null) return null;
  const offset = document.offsetAt(position);
  const node = nodeAtOffset(result.tree, offset);
  const sections = [
    node === null ? '' : memberSection(analysis, node, offset),
    node === null ? '' : patternSection(analysis, node),
    ...result.findings
      .filter((finding) => finding.range.start <= offset && offset <= finding.range.end)
      .map((finding) => findingSection(finding, pageOf(finding.code))),
  ].filter((section) => section !== '');
  if (sections.length === 0) return null;
  const value = [...new Set(sections)].join('\n\n---\n\n');
  const range = node === null ? {} : { range: toRange(document, hoveredRange(node, offset)) };
  return { contents: { kind: 'markdown', value }, ...range };
}

function memberSection(analysis: Analysis, node: ConfigNode, offset: number): string {
  const path = pathOf(node);
  const key = path.findLast((step) => typeof step === 'string');
  const place = schemaAt(analysis, path);
  if (place === null || key === undefined) return '';
  const { schemas } = place;
  const verdicts = verdictSection(analysis, path);
  if (schemas.length === 0 && verdicts === '') return '';
  const parts =
    onKey(node, offset) || node.children.length > 0
      ? [describeMember(key, schemas), verdicts]
      : [`**${key}**: \`${JSON.stringify(node.value) ?? ''}\``, meaningOfValue(schemas, node.value), verdicts];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** Which modules of the model a pattern means. */
function patternSection(analysis: Analysis, node: ConfigNode): string {
  const modules = modulesOfModel(analysis);
  if (modules.length === 0) return '';
  const patterns = patternPlaces(analysis.result).flatMap((place) => patternsAt(analysis.result, place));
  const pattern = patterns.find((one) => one.node === node);
  const matches = pattern === undefined ? null : matchesFor(pattern, modules);
  if (matches === null) return '';
  const shown = matches.slice(0, shownModules).map((index) => `- \`${modules[index] ?? ''}\``);
  const more = matches.length > shownModules ? [`- and ${matches.length - shownModules} more`] : [];
  return [`Matches ${countWords(matches.length)} of ${modules.length} in the model.`, ...(shown.length === 0 ? [] : ['', ...shown, ...more])].join('\n');
}

/** Enough to see whether the pattern means what was meant. */
const shownModules = 6;

/** Who accepts the config as it stands, when the member is one that a verdict can depend on. */
function verdictSection(analysis: Analysis, path: JsonPath): string {
  const fields = Object.entries(analysis.result.origins).filter(([, origin]) => origin?.present === true && same(origin.path, path));
  if (fields.length === 0) return '';
  const names = new Set<string>(fields.map(([field]) => field));
  const all = analysis.result.verdicts;
  const about = all.filter((verdict) => verdict.kind === 'supported' || verdict.kind === 'unknown' || names.has(verdict.field));
  const told = decisivePerTarget(about);
  const heard = new Set(told.map(({ target }) => targetWords(target)));
  const others = decisivePerTarget(all).filter(({ target }) => !heard.has(targetWords(target)));
  return [...verdictLines(told), ...others.map(({ target }) => `- **${targetWords(target)}**: no objection to this; another setting is in the way`)].join('\n');
}

/** The page of the rule. The finding's own message is left to the editor, which shows it beside the hover. */
function findingSection(finding: Finding, page: string | null): string {
  const help = ruleHelp(finding.code);
  const cited = [finding.supportRule, finding.source].filter((part) => part !== null).join(', ');
  return [
    `**${page === null ? finding.code : `[${finding.code}](${page})`}** ${help?.name ?? ''}`,
    help?.markdown ?? finding.message,
    cited === '' ? '' : `Source: ${withLinks(cited)}`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function onKey(node: ConfigNode, offset: number): boolean {
  return node.keyRange !== null && offset <= node.keyRange.end;
}

function hoveredRange(node: ConfigNode, offset: number): ConfigNode['range'] {
  return node.keyRange !== null && onKey(node, offset) ? node.keyRange : node.range;
}
