// The text of a run's file -> the run, or why it is none. Pure; the engine and the editor read with it. A run of a later version is told as one, not read.
import { validate } from '../generated/validate-run.ts';
import { type Run, runFormat, runVersion } from './run.ts';

export type ParsedRun =
  | { readonly kind: 'run'; readonly run: Run }
  /** Written by a later Quantwright: it exists, its members are not known. */
  | { readonly kind: 'later'; readonly version: number }
  | { readonly kind: 'damaged'; readonly problem: string };

/** `text`: of the whole file. Never throws. */
export function parseRun(text: string): ParsedRun {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return { kind: 'damaged', problem: cause instanceof Error ? cause.message : String(cause) };
  }
  const { format, version } = (typeof value === 'object' && value !== null ? value : {}) as { readonly format?: unknown; readonly version?: unknown };
  if (format !== runFormat) return { kind: 'damaged', problem: `its format is not "${runFormat}"` };
  if (typeof version === 'number' && version > runVersion) return { kind: 'later', version };
  const problem = runProblem(value);
  return problem === null ? { kind: 'run', run: value as Run } : { kind: 'damaged', problem };
}

/** Where a value differs from the schema of runs, in words; null: nowhere. */
export function runProblem(value: unknown): string | null {
  if (validate(value)) return null;
  const [first] = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if');
  if (first === undefined) return 'it does not fit the schema of runs';
  const { instancePath: path, keyword, params } = first;
  const what =
    keyword === 'required'
      ? `has no "${String(params['missingProperty'])}"`
      : keyword === 'type'
        ? `is not of type ${String(params['type'])}`
        : keyword === 'const'
          ? `is not ${JSON.stringify(params['allowedValue'])}`
          : `breaks the schema's "${keyword}"`;
  return `${path === '' ? 'the run' : path.slice(1)} ${what}`;
}
