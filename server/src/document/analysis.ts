// A document with everything the check pipeline knows about it. Made once per document version and conditions; every feature works on
// it, none checks again. Text that comes back (undo, save, reopen) keeps its result.
import { checkConfig } from '@quantwright/schemas/check/check';
import { type SideFile, withoutSuppressed } from '@quantwright/schemas/check/side-file';
import type { CheckInput, CheckResult, SeveritySettings } from '@quantwright/schemas/check/types';
import type { ModelFiles } from '@quantwright/schemas/checkpoint/model-files';
import type { DocumentLanguage } from '@quantwright/schemas/document/node';
import { languageOf } from '@quantwright/schemas/document/parse';
import type { Target } from '@quantwright/schemas/hardware/target';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { fileNameOf } from '../workspace/modelConfig.ts';
import { snapshotOf } from './snapshot.ts';

/** What a check depends on beside the document. */
export interface Conditions {
  readonly targets: readonly Target[];
  readonly modelConfigText: string | null;
  /** Null: nothing was read beside the config. */
  readonly files: ModelFiles | null;
  readonly severity: SeveritySettings;
  /** .quantwright/check.json, and how it calls this document. */
  readonly side: SideFile;
  readonly sideName: string;
}

export interface Analysis {
  /** Snapshot: later edits of the open document do not change it. */
  readonly document: TextDocument;
  readonly language: DocumentLanguage;
  readonly conditions: Conditions;
  readonly input: CheckInput;
  readonly result: CheckResult;
}

export interface Analyses {
  of(document: TextDocument, conditions: Conditions): Analysis;
  forget(uri: string): void;
}

export function createAnalyses(): Analyses {
  const latest = new Map<string, Analysis>();
  return {
    of(document, conditions) {
      const known = latest.get(document.uri);
      const same = known !== undefined && sameConditions(known.conditions, conditions) && known.document.languageId === document.languageId;
      if (same && known.document.version === document.version) return known;
      const analysis = same && known.input.text === document.getText() ? { ...known, document: snapshotOf(document) } : analyse(document, conditions);
      latest.set(document.uri, analysis);
      return analysis;
    },
    forget: (uri) => void latest.delete(uri),
  };
}

export function analyse(document: TextDocument, conditions: Conditions): Analysis {
  const { modelConfigText, targets, files, severity } = conditions;
  const input: CheckInput = { fileName: checkedName(document), text: document.getText(), modelConfigText, targets, files, severity };
  return { document: snapshotOf(document), language: languageOf(input.fileName), conditions, input, result: checked(input, conditions) };
}

/** The verdict on the same config with other text: what an edit would lead to. */
export function checkInstead(analysis: Analysis, text: string): CheckResult {
  return checked({ ...analysis.input, text }, analysis.conditions);
}

/** Characters that one request may have checked again: about a tenth of a second. */
const checkedAgainLimit = 4_000_000;

/** How often a request may check the text with something put in: hundreds of times for what people write, a few times for megabytes. */
export function checksAllowed(text: string): number {
  return Math.max(2, Math.floor(checkedAgainLimit / Math.max(1, text.length)));
}

function checked(input: CheckInput, { side, sideName }: Conditions): CheckResult {
  const result = checkConfig(input);
  const findings = withoutSuppressed(result.findings, side, sideName);
  return findings === result.findings ? result : { ...result, findings };
}

/** A document that was never saved has no ending that tells its language: the editor knows it. */
function checkedName(document: TextDocument): string {
  const name = fileNameOf(document.uri);
  const named = /\.(json[c5]?|ya?ml)$/i.test(name);
  return !named && /^ya?ml$/i.test(document.languageId) ? `${name}.yaml` : name;
}

export function sameConditions(left: Conditions, right: Conditions): boolean {
  return (
    left.modelConfigText === right.modelConfigText &&
    left.targets === right.targets &&
    left.files === right.files &&
    left.severity === right.severity &&
    left.side === right.side &&
    left.sideName === right.sideName
  );
}
