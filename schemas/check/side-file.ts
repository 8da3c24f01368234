// .quantwright/check.json: severities and suppressions for the files below the folder that holds .quantwright. Pure: the caller finds and reads it.
// The command line and the language server use this one reader, so a finding that is quiet in one is quiet in the other.
import { parseJson } from '../document/json.ts';
import type { SyntaxProblem } from '../document/node.ts';
import { ruleHelp } from '../generated/rule-help.ts';
import type { JsonPath } from '../recipe/origin.ts';
import type { Finding, Severity } from './finding.ts';
import { matchesGlob } from './glob-match.ts';
import { nearestWord } from './nearest-word.ts';
import type { SeveritySettings } from './types.ts';

/** Relative to the folder it speaks for. */
export const SIDE_FILE = '.quantwright/check.json';

export interface Suppression {
  /** As written, relative to the folder of .quantwright, with `/`. */
  readonly file: string;
  /** Null: every code. */
  readonly code: string | null;
  /** Dotted path of the key (`config_groups.group_0.weights`); null: anywhere in the file. */
  readonly path: string | null;
}

export interface SideFile {
  readonly severity: SeveritySettings;
  readonly suppress: readonly Suppression[];
  /** What of the file cannot be used, in words; the rest of it holds. */
  readonly problems: readonly string[];
}

export const noSideFile: SideFile = { severity: {}, suppress: [], problems: [] };

const SEVERITIES: readonly string[] = ['error', 'warning', 'information', 'hint', 'off'] satisfies readonly (Severity | 'off')[];

/** Never throws. Comments and trailing commas are fine, as in the editor's settings. */
export function readSideFile(text: string): SideFile {
  const { root, problems: syntax } = parseJson(text);
  const value: unknown = root?.value;
  const problems: string[] = [];
  const damage = syntax.find((problem) => !tolerated(problem, text));
  if (damage !== undefined) problems.push(`not valid JSON: ${damage.message}`);
  if (!isObject(value)) {
    return { ...noSideFile, problems: problems.length > 0 ? problems : ['it must hold an object with "severity" and "suppress"'] };
  }
  for (const key of Object.keys(value)) {
    if (key !== 'severity' && key !== 'suppress' && key !== '$schema') problems.push(`unknown key "${key}"${meant(key, ['severity', 'suppress'])}`);
  }
  return { severity: severityOf(value['severity'], problems), suppress: suppressOf(value['suppress'], problems), problems };
}

/** A comment, or a comma after the last member. */
function tolerated({ range, replacement }: SyntaxProblem, text: string): boolean {
  return replacement?.text === '' && /^(?:\/[/*]|,)/.test(text.slice(range.start));
}

/** Whether a text is a severity, or `off`. */
export function isSeverity(value: unknown): value is Severity | 'off' {
  return typeof value === 'string' && SEVERITIES.includes(value);
}

/** `code` is one that the documentation lists; else words that say which is meant. */
export function codeProblem(code: string): string | null {
  const known = ruleHelp.map((help) => help.code);
  return known.includes(code) ? null : `there is no diagnostic "${code}"${meant(code, known)}`;
}

/** Findings of `file` (relative to the folder of .quantwright, with `/`) that the side file leaves to be told. */
export function withoutSuppressed(findings: readonly Finding[], { suppress }: SideFile, file: string): readonly Finding[] {
  const here = suppress.filter((one) => matchesGlob(one.file, file));
  return here.length === 0 ? findings : findings.filter((finding) => !here.some((one) => covers(one, finding)));
}

function covers({ code, path }: Suppression, finding: Finding): boolean {
  if (code !== null && code !== finding.code) return false;
  const at = dotted(finding.path);
  return path === null || at === path || at.startsWith(`${path}.`);
}

/** `config_groups.group_0.weights`: how suppressions name a place. */
export function dotted(path: JsonPath): string {
  return path.join('.');
}

function severityOf(value: unknown, problems: string[]): SeveritySettings {
  if (value === undefined) return {};
  if (!isObject(value)) {
    problems.push('"severity" must be an object such as {"QC012": "warning"}');
    return {};
  }
  const settings: Record<string, Severity | 'off'> = {};
  for (const [code, severity] of Object.entries(value)) {
    const problem = codeProblem(code);
    if (problem !== null) problems.push(`severity: ${problem}`);
    else if (isSeverity(severity)) settings[code] = severity;
    else problems.push(`severity of ${code} must be one of ${SEVERITIES.join(', ')}, not ${JSON.stringify(severity)}`);
  }
  return settings;
}

function suppressOf(value: unknown, problems: string[]): readonly Suppression[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    problems.push('"suppress" must be a list of objects such as {"file": "models/**", "code": "QC012"}');
    return [];
  }
  return value.flatMap((one: unknown, index) => {
    const suppression = suppressionOf(one);
    if (typeof suppression !== 'string') return [suppression];
    problems.push(`suppress[${index}] ${suppression}, so it does nothing`);
    return [];
  });
}

/** Words when it cannot be used: a suppression with a slip must not hide more than was meant. */
function suppressionOf(value: unknown): Suppression | string {
  if (!isObject(value)) return 'is no object';
  const stray = Object.keys(value).find((key) => !['file', 'code', 'path', 'reason'].includes(key));
  if (stray !== undefined) return `has the unknown key "${stray}"${meant(stray, ['file', 'code', 'path', 'reason'])}`;
  const { file, code, path } = value;
  if (typeof file !== 'string' || file === '') return 'names no file (a glob such as "models/**/config.json")';
  if (code !== undefined && typeof code !== 'string') return 'has a code that is no text';
  if (path !== undefined && typeof path !== 'string') return 'has a path that is no text such as "weights.group_size"';
  const problem = code === undefined ? null : codeProblem(code);
  return problem ?? { file, code: code ?? null, path: path ?? null };
}

function meant(word: string, known: readonly string[]): string {
  const near = nearestWord(word, known);
  return near === null ? '' : `; did you mean "${near}"?`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
