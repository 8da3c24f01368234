// A document with everything the check pipeline knows about it. Made once per document version, model config and target list;
// every feature works on it, none checks again.
import { checkConfig } from '@quantwright/schemas/check/check';
import type { CheckInput, CheckResult } from '@quantwright/schemas/check/types';
import type { Target } from '@quantwright/schemas/hardware/target';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { fileNameOf } from '../workspace/modelConfig.ts';

export interface Analysis {
  /** Snapshot: later edits of the open document do not change it. */
  readonly document: TextDocument;
  readonly input: CheckInput;
  readonly result: CheckResult;
}

export interface Analyses {
  of(document: TextDocument, modelConfigText: string | null, targets: readonly Target[]): Analysis;
  forget(uri: string): void;
}

export function createAnalyses(): Analyses {
  const latest = new Map<string, Analysis>();
  return {
    of(document, modelConfigText, targets) {
      const known = latest.get(document.uri);
      if (
        known !== undefined &&
        known.document.version === document.version &&
        known.input.modelConfigText === modelConfigText &&
        known.input.targets === targets
      ) {
        return known;
      }
      const analysis = analyse(document, modelConfigText, targets);
      latest.set(document.uri, analysis);
      return analysis;
    },
    forget: (uri) => void latest.delete(uri),
  };
}

export function analyse(document: TextDocument, modelConfigText: string | null, targets: readonly Target[]): Analysis {
  const text = document.getText();
  const input: CheckInput = { fileName: fileNameOf(document.uri), text, modelConfigText, targets };
  return { document: TextDocument.create(document.uri, document.languageId, document.version, text), input, result: checkConfig(input) };
}

/** The verdict on the same config with other text: what an edit would lead to. */
export function checkInstead(analysis: Analysis, text: string): CheckResult {
  return checkConfig({ ...analysis.input, text });
}
