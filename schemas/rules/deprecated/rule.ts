// QC020: keys that a tool has dropped or renamed. Formats tell those that need words of their own; every other key whose schema says `deprecated` is told
// here.
import type { Finding } from '../../check/finding.ts';
import { findingsOf } from '../../check/sources.ts';
import { isObject } from '../../configs/fields.ts';
import type { JsonSchema } from '../../configs/json-schema.ts';
import { rangeAt } from '../../document/find.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { deprecatedFixes } from './fix.ts';

export const deprecated: Rule = {
  code: 'QC020',
  run(context) {
    const told = findingsOf('QC020', context);
    // Whatever else is wrong with the key has been said where it stands.
    const places = new Set([...told, ...context.lowerProblems, ...context.schemaProblems].map(({ path }) => JSON.stringify(path)));
    const found = deprecatedKeys(context.format.schema, context.value, context.path).filter(({ path }) => !places.has(JSON.stringify(path)));
    return [...told, ...found.map((key) => findingOf(key, context))];
  },
};

interface DeprecatedKey {
  readonly path: JsonPath;
  readonly schema: JsonSchema;
}

function deprecatedKeys(schema: JsonSchema, value: unknown, path: JsonPath): readonly DeprecatedKey[] {
  if (!isObject(value)) {
    return [];
  }
  return Object.entries(schema.properties ?? {}).flatMap(([key, own]): readonly DeprecatedKey[] => {
    if (!Object.hasOwn(value, key)) {
      return [];
    }
    const at = [...path, key];
    return own.deprecated === true ? [{ path: at, schema: own }] : deprecatedKeys(own, value[key], at);
  });
}

function findingOf({ path, schema }: DeprecatedKey, { document }: RuleContext): Finding {
  const key = String(path.at(-1));
  const alias = schema['x-alias-of'];
  const why = schema['x-unused'] ?? schema.description ?? '';
  return {
    code: 'QC020',
    severity: 'hint',
    message: alias === undefined ? `"${key}" is no longer used. ${why}` : `"${key}" is the old name of "${alias}".`,
    path,
    range: rangeAt(document.root, path, 'key'),
    supportRule: null,
    source: schema['x-source'] ?? null,
    fixes: deprecatedFixes(path, alias ?? null, document.root),
  };
}
