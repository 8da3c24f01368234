// QC012: a key the format does not have, which most tools pass over in silence; and keys that are read but have no effect.
import type { Finding } from '../../check/finding.ts';
import { lowerFindings, schemaFindings } from '../../check/sources.ts';
import { isObject } from '../../configs/fields.ts';
import { schemaAt } from '../../configs/schema-at.ts';
import { nodeAt, rangeAt } from '../../document/find.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { keyFixes, suggestion } from './fix.ts';

export const foreignKey: Rule = {
  code: 'QC012',
  run(context) {
    const unknown = schemaFindings('QC012', context).filter(({ path }) => !reported(path, context));
    return [...unknown.map((finding) => unknownKey(finding, context)), ...lowerFindings('QC012', context), ...withoutEffect(context), ...twice(context)];
  },
};

/** Formats whose reader refuses keys that it does not know, in which parts, and its words. */
const STRICT: readonly { readonly format: RegExp; readonly inside: readonly string[] | null; readonly words: string; readonly source: string }[] = [
  {
    format: /compressed-tensors/,
    inside: ['config_groups', 'kv_cache_scheme'],
    words: 'compressed-tensors refuses the file: "Extra inputs are not permitted"',
    source: 'vllm-project/compressed-tensors src/compressed_tensors/quantization/quant_args.py',
  },
  {
    format: /^tensorrt-llm$/,
    inside: null,
    words: 'TensorRT-LLM refuses the file: "Extra inputs are not permitted"',
    source: 'NVIDIA/TensorRT-LLM tensorrt_llm/models/modeling_utils.py :: QuantConfig',
  },
  {
    format: /^awq-quant-config$/,
    inside: null,
    words: 'AutoAWQ refuses the file with a TypeError',
    source: 'casper-hansen/AutoAWQ awq/models/_config.py :: AwqConfig',
  },
];

function strictReader(path: JsonPath, { format, path: place }: RuleContext): (typeof STRICT)[number] | null {
  const part = path.length > place.length + 1 ? String(path[place.length]) : null;
  return STRICT.find((one) => one.format.test(format.id) && (one.inside === null || (part !== null && one.inside.includes(part)))) ?? null;
}

/** QC004 says more of a key that makes tools read another format. */
function reported(path: JsonPath, { document, format, path: place }: RuleContext): boolean {
  const problems = document.root === null ? [] : (format.inspect?.(document.root, place) ?? []);
  return problems.some((problem) => JSON.stringify(problem.path) === JSON.stringify(path));
}

function unknownKey(finding: Finding, context: RuleContext): Finding {
  const inner = finding.path.slice(context.path.length);
  const key = String(inner.at(-1));
  const schema = schemaAt(context.format.schema, inner.slice(0, -1)) ?? {};
  const value = nodeAt(context.document.root, finding.path)?.value;
  const meant = suggestion(key, value, schema);
  const there = meant !== null && nodeAt(context.document.root, [...finding.path.slice(0, -1), meant.key]) !== null;
  const strict = strictReader(finding.path, context);
  const effect = strict === null ? null : strict.words;
  const guess =
    meant === null
      ? `, and ${effect ?? 'is ignored'}.`
      : there
        ? `, and ${effect ?? 'is ignored'}; "${meant.key}" beside it counts.`
        : `; did you mean "${meant.key}"? As it stands ${effect ?? 'most tools ignore it'}.`;
  return {
    ...finding,
    severity: strict === null ? 'warning' : 'error',
    source: strict?.source ?? finding.source,
    message: `"${key}" is not a key of this format${guess}`,
    range: rangeAt(context.document.root, finding.path, 'key'),
    fixes: keyFixes(finding.path, value, meant, context.document.root),
  };
}

function withoutEffect(context: RuleContext): readonly Finding[] {
  const value = isObject(context.value) ? context.value : {};
  return Object.entries(context.format.schema.properties ?? {}).flatMap(([key, schema]) => {
    const why = schema['x-unused'];
    if (why === undefined || !Object.hasOwn(value, key) || value[key] === null) {
      return [];
    }
    const path = [...context.path, key];
    return [
      {
        code: 'QC012',
        severity: 'warning' as const,
        message: why,
        path,
        range: rangeAt(context.document.root, path, 'key'),
        supportRule: null,
        source: schema['x-source'] ?? null,
        fixes: [{ title: `Remove "${key}"`, edits: [{ kind: 'remove' as const, path }], preferred: true }],
      },
    ];
  });
}

/** JSON readers keep the last of equal keys and pass over the others. */
function twice({ document, path }: RuleContext): readonly Finding[] {
  const members = nodeAt(document.root, path)?.children.filter(({ parent }) => parent?.type === 'object') ?? [];
  return members.flatMap((member, index) => {
    const next = members[index + 1];
    const start = member.keyRange?.start ?? member.range.start;
    if (next === undefined || !members.slice(index + 1).some(({ key }) => key === member.key)) {
      return [];
    }
    const range = { start, end: next.keyRange?.start ?? next.range.start };
    return [
      {
        code: 'QC012',
        severity: 'warning' as const,
        message: `"${member.key}" stands here more than once; tools read the last one and ignore this.`,
        path: [...path, String(member.key)],
        range: member.keyRange ?? member.range,
        supportRule: null,
        source: 'RFC 8259 section 4',
        fixes: [{ title: `Remove this "${member.key}"`, edits: [{ kind: 'replace' as const, range, text: '' }], preferred: true }],
      },
    ];
  });
}
