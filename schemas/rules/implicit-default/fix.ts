// Writes a default down: one fix for each value, with the tools that take it; first the default of the file's own tool.
import type { Fix } from '../../check/finding.ts';
import type { JsonPath } from '../../recipe/origin.ts';

export function writeDefaults(path: JsonPath, defaults: Readonly<Record<string, unknown>>, usual: unknown): readonly Fix[] {
  const values = new Map<string, { readonly value: unknown; readonly tools: string[] }>();
  for (const [tool, value] of Object.entries(defaults)) {
    const known = values.get(JSON.stringify(value)) ?? { value, tools: [] };
    known.tools.push(tool);
    values.set(JSON.stringify(value), known);
  }
  const ordered = [...values.values()].sort((a, b) => Number(b.value === usual) - Number(a.value === usual));
  return ordered.map(({ value, tools }, index) => ({
    title: `Write "${path.at(-1)}": ${JSON.stringify(value)} (the default of ${tools.join(', ')})`,
    edits: [{ kind: 'set', path, value }],
    preferred: index === 0,
  }));
}
