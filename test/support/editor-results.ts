// Results of the editor tests as JSON in a file, written by both runners and read by scripts/test-editor.mjs. The console of an
// extension host carries the workbench's own noise, so nobody should have to parse it.
export const resultsVariable = 'QUANTWRIGHT_TEST_RESULTS';

export interface TestResult {
  readonly title: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly milliseconds: number;
  readonly error: string | null;
}

export function printResult({ title, outcome, milliseconds, error }: TestResult): void {
  const word = { passed: 'ok  ', failed: 'FAIL', skipped: 'skip' }[outcome];
  console.log(`${word} ${title} (${(milliseconds / 1000).toFixed(1)} s)`);
  if (error !== null) console.log(error.replace(/^/gm, '       '));
}
