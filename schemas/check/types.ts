// Input and result of the check service (check.ts): the one pure path text -> findings that the language server, the command line
// and the engine share. No IO: neighbours are read by the caller.
import type { ModelFiles } from '../checkpoint/model-files.ts';
import type { ModelShape } from '../checkpoint/model-shape.ts';
import type { ConfigNode } from '../document/node.ts';
import type { Target } from '../hardware/target.ts';
import type { SupportVerdict } from '../hardware/verdict.ts';
import type { JsonPath, Origins } from '../recipe/origin.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Finding, Severity } from './finding.ts';

export interface CheckInput {
  /** File name or path; only the last part is looked at. */
  readonly fileName: string;
  readonly text: string;
  /** Text of config.json of the model the config is for; null when unknown. For a config.json itself, its own text is used. */
  readonly modelConfigText: string | null;
  readonly targets: readonly Target[];
  /** What lies beside the config; left out or null: nothing was read. */
  readonly files?: ModelFiles | null;
  /** Severity of a code as the user wants it; `off` says nothing. */
  readonly severity?: SeveritySettings;
  /** Findings that the user does not want to see. */
  readonly suppress?: readonly Suppressed[];
}

export interface Suppressed {
  /** Null: every code. */
  readonly code: string | null;
  /** The place and all that is in it; left out or null: the whole file. */
  readonly path?: JsonPath | null;
}

export type SeveritySettings = Readonly<Record<string, Severity | 'off'>>;

export interface CheckResult {
  /** Id of schemas/configs/<format>; null: not a quantization config, and then there are no findings. */
  readonly format: string | null;
  readonly tree: ConfigNode | null;
  readonly recipe: Recipe | null;
  readonly origins: Origins;
  readonly model: ModelShape | null;
  readonly verdicts: readonly SupportVerdict[];
  readonly findings: readonly Finding[];
}
