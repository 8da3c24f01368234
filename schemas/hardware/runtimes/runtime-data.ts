// The shape of hardware/runtimes/<runtime>/runtime.json: the rows and rules of one runtime, with the runtime's own words.
import type { ComputeMethod, QuantMethod } from '../../recipe/recipe.ts';
import type { RuntimeId } from '../target.ts';

export interface RuntimeRule {
  readonly id: string;
  /** Diagnostic that shows this rule (QC001 ...). */
  readonly code: string;
  /** The runtime's own error text; {names} are filled in. Null: it has none. */
  readonly words: string | null;
  readonly source: string;
  /** Version range; null: all known. */
  readonly versions: string | null;
  /** Where the kind of the verdict does not tell: silently wrong answers are errors. */
  readonly severity?: 'error' | 'information';
}

/** One row of a documented method x hardware table. */
export interface TableRow {
  readonly id: string;
  readonly name: string;
  readonly method: QuantMethod;
  readonly bits: number;
  readonly computeMethod: ComputeMethod;
  readonly granularity: readonly string[];
  /** Device family -> documented answer; a family that is not named has no row. */
  readonly devices: Readonly<Record<string, string>>;
}

export interface RuntimeData {
  readonly id: RuntimeId;
  readonly name: string;
  /** Newest first. */
  readonly versions: readonly string[];
  /** Year and month of the state that was read; null without rows. */
  readonly asOf: string | null;
  readonly source: string | null;
  /** Methods it quantizes with, where that is not in the table. */
  readonly methods?: readonly QuantMethod[];
  /** Methods that it runs before one of `methods`, or alone, with plain rounding behind them. */
  readonly transforms?: readonly QuantMethod[];
  /** Methods that run one inside the other, joined by +. */
  readonly nested?: readonly string[];
  /** `model_type` of the models it runs, where that is a list. */
  readonly modelTypes?: readonly string[];
  readonly rules: readonly RuntimeRule[];
  readonly table: readonly TableRow[];
}
