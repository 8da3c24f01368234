// SARIF 2.1.0 (OASIS): one run with the rules that spoke, their help texts, results with regions, and fixes as replacements. Pure.
import type { Fix, Severity } from '@quantwright/schemas/check/finding';
import { applyReplacements, editsToReplacements, type Replacement } from '@quantwright/schemas/document/edit';
import { languageOf } from '@quantwright/schemas/document/parse';
import { ruleHelp } from '@quantwright/schemas/generated/rule-help';
import { version } from '../../version.ts';
import { type LineIndex, lineIndex, type Place } from './line-index.ts';
import { type CheckedFile, located } from './located.ts';
import { pathUri } from './printed-path.ts';

const levels: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', information: 'note', hint: 'note' };

export function sarif(files: readonly CheckedFile[], { docsUrl }: { readonly docsUrl: string | null }): string {
  const codes = [...new Set(files.flatMap((file) => file.result.findings.map((finding) => finding.code)))].sort();
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'quantwright', version, rules: codes.map((code) => ruleOf(code, docsUrl)) } },
        columnKind: 'utf16CodeUnits',
        results: files.flatMap((file) => resultsOf(file, codes)),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ruleOf(id: string, docsUrl: string | null): object {
  const help = ruleHelp.find(({ code }) => code === id);
  if (help === undefined) return { id };
  return {
    id,
    name: help.name,
    shortDescription: { text: help.summary },
    help: { text: help.summary, markdown: help.markdown },
    ...(docsUrl === null ? {} : { helpUri: `${docsUrl}/${id}.md` }),
  };
}

function resultsOf(file: CheckedFile, codes: readonly string[]): readonly object[] {
  const place = lineIndex(file.text);
  const artifactLocation = { uri: pathUri(file.path) };
  return located(file).map(({ finding, start, end }) => {
    const fixes = finding.fixes.flatMap((fix) => fixOf(fix, file, place, artifactLocation));
    return {
      ruleId: finding.code,
      ruleIndex: codes.indexOf(finding.code),
      level: levels[finding.severity],
      message: { text: finding.source === null ? finding.message : `${finding.message}\nSource: ${finding.source}` },
      locations: [{ physicalLocation: { artifactLocation, region: region(start, end) } }],
      ...(fixes.length === 0 ? {} : { fixes }),
      ...(finding.supportRule === null ? {} : { properties: { supportRule: finding.supportRule } }),
    };
  });
}

/** A fix that changes nothing of this text is none. */
function fixOf({ title, edits }: Fix, file: CheckedFile, place: LineIndex, artifactLocation: object): readonly object[] {
  const replacements = editsToReplacements(file.text, edits, languageOf(file.path));
  if (applyReplacements(file.text, replacements) === file.text) return [];
  return [{ description: { text: title }, artifactChanges: [{ artifactLocation, replacements: replacements.map((one) => replacement(one, place)) }] }];
}

function replacement({ range, text }: Replacement, place: LineIndex): object {
  return { deletedRegion: region(place(range.start), place(range.end)), insertedContent: { text } };
}

function region(start: Place, end: Place): object {
  return { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column };
}
