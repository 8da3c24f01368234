// What a JSON Schema says about a member, as markdown: meaning, type, default, allowed values, where that was read.
import type { JsonSchema } from '@quantwright/schemas/configs/json-schema';
import { withLinks } from '../features/sourceLinks.ts';
import { listedValues, same, typesOf } from './jsonSchema.ts';

export function describeMember(key: string, schemas: readonly JsonSchema[]): string {
  const types = typesOf(schemas);
  const facts = [defaultLine(schemas), allowedLines(schemas), limitsLine(schemas)].filter((line) => line !== '');
  const sources = [...new Set(schemas.flatMap((schema) => (schema['x-source'] === undefined ? [] : [schema['x-source']])))];
  return [
    `**${key}**${types.length === 0 ? '' : `: ${types.join(' or ')}`}${schemas.some((schema) => schema.deprecated === true) ? ' (deprecated)' : ''}`,
    meaningOf(schemas),
    facts.join('\n'),
    sources.length === 0 ? '' : `*${sources.map(withLinks).join('; ')}*`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** Why one would choose a value, where the schema tells. */
export function meaningOfValue(schemas: readonly JsonSchema[], value: unknown): string {
  for (const schema of schemas) {
    const index = schema.enum?.findIndex((listed) => same(listed, value)) ?? -1;
    const described = index === -1 ? undefined : schema.enumDescriptions?.[index];
    if (described !== undefined) return described;
  }
  return '';
}

export function defaultOf(schemas: readonly JsonSchema[]): unknown {
  return schemas.find((schema) => schema.default !== undefined)?.default;
}

function meaningOf(schemas: readonly JsonSchema[]): string {
  // The words of a part that requires a key are about that key, not about the object.
  const about = (schema: JsonSchema): readonly (string | undefined)[] => [
    schema.description,
    schema.required === undefined ? schema['x-words'] : undefined,
    schema['x-unused'],
  ];
  const described = schemas.flatMap((schema) => about(schema).filter((words) => words !== undefined));
  return [...new Set(described)].join('\n\n');
}

function defaultLine(schemas: readonly JsonSchema[]): string {
  const differing = schemas.find((schema) => schema['x-defaults'] !== undefined)?.['x-defaults'];
  if (differing !== undefined) {
    const tools = Object.entries(differing).map(([tool, value]) => `\`${JSON.stringify(value)}\` in ${tool}`);
    return `- Default: ${tools.join(', ')}`;
  }
  const value = defaultOf(schemas);
  return value === undefined ? '' : `- Default: \`${JSON.stringify(value)}\``;
}

function allowedLines(schemas: readonly JsonSchema[]): string {
  const { values, closed } = listedValues(schemas);
  if (!closed) return '';
  const meanings = values.map((value) => ({ value: JSON.stringify(value), meaning: meaningOfValue(schemas, value) }));
  if (meanings.every(({ meaning }) => meaning === '')) return `- Allowed: ${meanings.map(({ value }) => `\`${value}\``).join(', ')}`;
  return ['- Allowed:', ...meanings.map(({ value, meaning }) => `  - \`${value}\`${meaning === '' ? '' : `: ${meaning}`}`)].join('\n');
}

function limitsLine(schemas: readonly JsonSchema[]): string {
  const limits = schemas.flatMap((schema) => [
    ...(schema.minimum === undefined ? [] : [`≥ ${schema.minimum}`]),
    ...(schema.exclusiveMinimum === undefined ? [] : [`> ${schema.exclusiveMinimum}`]),
    ...(schema.maximum === undefined ? [] : [`≤ ${schema.maximum}`]),
    ...(schema.exclusiveMaximum === undefined ? [] : [`< ${schema.exclusiveMaximum}`]),
  ]);
  return limits.length === 0 ? '' : `- Limits: ${[...new Set(limits)].join(', ')}`;
}
