// What a rule is: it reads the checked document and gives findings. One folder per rule (rule.ts, fix.ts, rule.test.ts, rule.md).
// Rules see recipe and verdicts, so that one rule serves every format; they never read files and never throw.

import type { Finding } from '../check/finding.ts';
import type { SchemaProblem } from '../check/schema-problems.ts';
import type { ModelFiles } from '../checkpoint/model-files.ts';
import type { ModelShape } from '../checkpoint/model-shape.ts';
import type { ConfigFormat, LowerProblem } from '../configs/config-format.ts';
import type { ParsedDocument } from '../document/node.ts';
import type { Target } from '../hardware/target.ts';
import type { SupportVerdict } from '../hardware/verdict.ts';
import type { JsonPath, Origins } from '../recipe/origin.ts';
import type { Recipe } from '../recipe/recipe.ts';

export interface RuleContext {
  /** File name or path of the document. */
  readonly fileName: string;
  readonly document: ParsedDocument;
  readonly format: ConfigFormat;
  /** Where the config object is in the file. */
  readonly path: JsonPath;
  /** The config object. */
  readonly value: unknown;
  readonly schemaProblems: readonly SchemaProblem[];
  readonly lowerProblems: readonly LowerProblem[];
  readonly recipe: Recipe | null;
  readonly origins: Origins;
  readonly model: ModelShape | null;
  /** Why `model` is null although a config.json is at hand: its sizes are not known. */
  readonly unknownModel: string | null;
  /** Null: nothing was read beside the config. */
  readonly files: ModelFiles | null;
  /** What the user judges against; empty: nothing that needs a target is said. */
  readonly targets: readonly Target[];
  readonly verdicts: readonly SupportVerdict[];
}

export interface Rule {
  readonly code: string;
  run(context: RuleContext): readonly Finding[];
}

/** From rule.md, which is the hover text and the page in docs/diagnostics. */
export interface RuleHelp {
  readonly code: string;
  readonly name: string;
  /** One line. */
  readonly summary: string;
  readonly markdown: string;
  readonly page: string;
}
