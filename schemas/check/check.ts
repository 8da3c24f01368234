// The check service: text -> tree -> format -> schema -> recipe -> verdicts -> findings. Pure; the same for editor, command line and engine.

import { isShape, modelShapeFromConfig, type ShapeResult } from '../checkpoint/shape-from-config.ts';
import type { ConfigFormat } from '../configs/config-format.ts';
import { isObject } from '../configs/fields.ts';
import { formats } from '../configs/registry.ts';
import { nodeAt } from '../document/find.ts';
import type { ParsedDocument } from '../document/node.ts';
import { parseDocument } from '../document/parse.ts';
import { explainSupport } from '../hardware/support.ts';
import type { Target } from '../hardware/target.ts';
import type { JsonPath } from '../recipe/origin.ts';
import { rules } from '../rules/index.ts';
import type { RuleContext } from '../rules/rule.ts';
import type { Finding } from './finding.ts';
import { type SchemaProblem, schemaProblems } from './schema-problems.ts';
import type { CheckInput, CheckResult, SeveritySettings, Suppressed } from './types.ts';

/** Never throws. A file that is no quantization config has format null and no findings. */
export function checkConfig(input: CheckInput): CheckResult {
  const document = parseDocument(input.fileName, input.text);
  for (const format of formats) {
    const place = format.match(input.fileName, document.root);
    if (place !== null) {
      return checkAs(format, place.path, document, input);
    }
  }
  return { format: null, tree: document.root, recipe: null, origins: {}, model: null, verdicts: [], findings: [] };
}

function checkAs(format: ConfigFormat, path: JsonPath, document: ParsedDocument, input: CheckInput): CheckResult {
  const node = nodeAt(document.root, path);
  const value = node?.value;
  const shape = shapeOf(input, path, document);
  const model = shape !== null && isShape(shape) ? shape : null;
  const { recipe, origins, problems: lowerProblems } = format.lower(value, path);
  const targets = targetsOf(format, input.targets);
  const verdicts = recipe === null ? [] : targets.flatMap((target) => explainSupport(recipe, model, target));
  const context: RuleContext = {
    fileName: input.fileName,
    document,
    format,
    path,
    value,
    lowerProblems,
    recipe,
    origins,
    model,
    unknownModel: shape === null || isShape(shape) ? null : shape.reason,
    files: input.files ?? null,
    targets,
    verdicts,
    schemaProblems: node === null ? [] : legible(schemaProblems(format.schema, format.validate, value, path), document),
  };
  const told = distinct(rules.flatMap((rule) => rule.run(context))).filter((finding) => !isSuppressed(finding, input.suppress ?? []));
  const findings = withSeverity(told, input.severity ?? {});
  return { format: format.id, tree: document.root, recipe, origins, model, verdicts, findings };
}

const MODEL_KEYS = ['model_type', 'architectures', 'text_config', 'llm_config', 'thinker_config', 'quantization_config', 'compression_config'];

/** A config.json describes its own model; other files are told which model they are for. Null: no config.json is at hand. */
function shapeOf(input: CheckInput, path: JsonPath, document: ParsedDocument): ShapeResult | null {
  const file = document.root?.value;
  // A member of another file (hf_quant_config.json) stands beside no sizes.
  const own = path.length > 0 && isObject(file) && MODEL_KEYS.some((key) => Object.hasOwn(file, key));
  // A checkpoint of TensorRT-LLM names its sizes and modules in its own way.
  const foreign = path.length > 0 && !own && isObject(file) && typeof file['architecture'] === 'string';
  const source = own ? file : foreign ? null : input.modelConfigText;
  return source === null || source === undefined ? null : modelShapeFromConfig(source);
}

/** Without targets only what needs none is said, except that a file written for one runtime is judged for it. */
function targetsOf(format: ConfigFormat, targets: readonly Target[]): readonly Target[] {
  return targets.length > 0 || format.impliedRuntime === null ? targets : [{ runtime: format.impliedRuntime, version: null, device: null, tensorParallel: 1 }];
}

function withSeverity(findings: readonly Finding[], settings: SeveritySettings): readonly Finding[] {
  return findings.flatMap((finding) => {
    const wanted = Object.hasOwn(settings, finding.code) ? settings[finding.code] : undefined;
    return wanted === 'off' ? [] : [wanted === undefined ? finding : { ...finding, severity: wanted }];
  });
}

/** Without problems of values that are no JSON themselves (NaN, None): QC014 tells those, with what to write. */
function legible(problems: readonly SchemaProblem[], { root, problems: syntax }: ParsedDocument): readonly SchemaProblem[] {
  return syntax.length === 0
    ? problems
    : problems.filter(({ path, key }) => {
        const node = nodeAt(root, path);
        const holder = key !== null || node === null || node.children.length > 0;
        return holder || !syntax.some(({ range, replacement }) => replacement !== null && range.start >= node.range.start && range.end <= node.range.end);
      });
}

function isSuppressed({ code, path }: Finding, suppress: readonly Suppressed[]): boolean {
  return suppress.some((one) => (one.code === null || one.code === code) && (one.path ?? []).every((step, index) => path[index] === step));
}

/** In the order of the text; two targets that say the same say it once. */
function distinct(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Map<string, Finding>();
  for (const finding of findings) {
    const key = `${finding.code} ${finding.range.start} ${finding.range.end} ${finding.message}`;
    if (!seen.has(key)) {
      seen.set(key, finding);
    }
  }
  return [...seen.values()].sort((a, b) => a.range.start - b.range.start || a.code.localeCompare(b.code));
}
