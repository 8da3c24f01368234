// QC023: a key is left out, and the tools that read the file fill it differently (x-defaults of the schema).
import type { Finding } from '../../check/finding.ts';
import { translate } from '../../check/foreign-keys.ts';
import { isObject, type JsonObject } from '../../configs/fields.ts';
import type { JsonSchema } from '../../configs/json-schema.ts';
import { rangeAt } from '../../document/find.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { writeDefaults } from './fix.ts';

export const implicitDefault: Rule = {
  code: 'QC023',
  run: (context) =>
    leftOut(context.format.schema, context.value, context.path)
      .filter(({ path }) => matters(path, context))
      .map((key) => findingOf(key, context)),
};

interface LeftOut {
  readonly path: JsonPath;
  /** Tool -> what it takes. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** The format's own. */
  readonly usual: unknown;
  readonly source: string | null;
}

function leftOut(schema: JsonSchema, value: unknown, path: JsonPath): readonly LeftOut[] {
  if (!isObject(value)) {
    return [];
  }
  return Object.entries(schema.properties ?? {}).flatMap(([key, own]): readonly LeftOut[] => {
    const defaults = own['x-defaults'];
    if (Object.hasOwn(value, key)) {
      return leftOut(own, value[key], [...path, key]);
    }
    // Classes of one tool (RTNConfig, AWQConfig) are each read from a file of their own.
    const tools = Object.keys(defaults ?? {}).filter((tool) => !tool.endsWith('Config'));
    const differ = defaults !== undefined && tools.length > 1 && new Set(Object.values(defaults).map((one) => JSON.stringify(one))).size > 1;
    return differ && !saidOtherwise(key, value, schema) ? [{ path: [...path, key], defaults, usual: own.default, source: own['x-source'] ?? null }] : [];
  });
}

/** Another tool's key says it: QC012 has the word there. */
function saidOtherwise(key: string, value: JsonObject, schema: JsonSchema): boolean {
  return Object.entries(value).some(([other, written]) => !Object.hasOwn(schema.properties ?? {}, other) && translate(other, written, schema)?.key === key);
}

/** Of a checkpoint only what its weights are read by; how they were once made is past. */
function matters(path: JsonPath, { format, origins }: RuleContext): boolean {
  const reading = ['weights.bits', 'weights.groupSize', 'weights.symmetric', 'weights.descAct', 'weights.block', 'weights.dtype', 'variant'] as const;
  return format.describes === 'recipe' || reading.some((field) => JSON.stringify(origins[field]?.path) === JSON.stringify(path));
}

function findingOf({ path, defaults, usual, source }: LeftOut, { document }: RuleContext): Finding {
  const tools = Object.entries(defaults).map(([tool, value]) => `${tool} ${JSON.stringify(value)}`);
  return {
    code: 'QC023',
    severity: 'hint',
    path,
    range: rangeAt(document.root, path),
    supportRule: null,
    message: `"${path.at(-1)}" is left out, and the tools that read this take different defaults: ${tools.join(', ')}. Write it down.`,
    source,
    fixes: writeDefaults(path, defaults, usual),
  };
}
