// Writes a default down: first that of the tool whose file it is.
import type { Fix } from '../../check/finding.ts';
import type { JsonPath } from '../../recipe/origin.ts';

export function writeDefaults(path: JsonPath, format: string, defaults: { readonly autogptq: unknown; readonly transformers: unknown }): readonly Fix[] {
  const key = String(path.at(-1));
  const ownIsAutoGptq = format === 'gptq-quantize-config';
  const write = (value: unknown, whose: string, preferred: boolean): Fix => ({
    title: `Write "${key}": ${JSON.stringify(value)} (${whose})`,
    edits: [{ kind: 'set', path, value }],
    preferred,
  });
  const fixes = [write(defaults.autogptq, "AutoGPTQ's default", ownIsAutoGptq), write(defaults.transformers, "transformers' default", !ownIsAutoGptq)];
  return ownIsAutoGptq ? fixes : fixes.reverse();
}
