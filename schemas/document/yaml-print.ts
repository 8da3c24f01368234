// Values as YAML text: what both YAML 1.2 and the 1.1 readers of Python tools (PyYAML) take for the same value.
import { isObject } from '../configs/fields.ts';

/** Words that one of the two versions reads as something other than a string. */
const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n)$/i;
const PLAIN = /^[A-Za-z_][\w./-]*$/;

/** `quoted`: as the neighbours are written. */
export function printText(text: string, quoted = false): string {
  return !quoted && PLAIN.test(text) && !RESERVED.test(text) ? text : JSON.stringify(text);
}

/** On one line. */
export function printFlow(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(printFlow).join(', ')}]`;
  }
  if (isObject(value)) {
    const members = Object.entries(value).map(([key, inner]) => `${printText(key)}: ${printFlow(inner)}`);
    return members.length === 0 ? '{}' : `{${members.join(', ')}}`;
  }
  return typeof value === 'string' ? printText(value) : printScalar(value);
}

/** Behind `key:` in a block: ` value`, or lines of their own indented by `indent`. Lists of scalars stay on one line. */
export function printBehindKey(value: unknown, indent: number): string {
  const lines = blockLines(value);
  return lines === null ? ` ${printFlow(value)}` : lines.map((line) => `\n${' '.repeat(indent)}${line}`).join('');
}

/** Behind `- ` in a block whose content stands in column `indent`. */
export function printBehindDash(value: unknown, indent: number): string {
  const lines = blockLines(value);
  return lines === null ? printFlow(value) : lines.join(`\n${' '.repeat(indent)}`);
}

/** Null: better on one line. */
function blockLines(value: unknown): readonly string[] | null {
  if (Array.isArray(value)) {
    return value.some((one) => typeof one === 'object' && one !== null) ? value.flatMap((one) => marked('- ', one)) : null;
  }
  const members = isObject(value) ? Object.entries(value) : [];
  return members.length === 0
    ? null
    : members.flatMap(([key, inner]) => {
        const lines = blockLines(inner);
        return lines === null ? [`${printText(key)}: ${printFlow(inner)}`] : [`${printText(key)}:`, ...lines.map((line) => `  ${line}`)];
      });
}

function marked(mark: string, value: unknown): readonly string[] {
  const lines = blockLines(value);
  return lines === null ? [`${mark}${printFlow(value)}`] : lines.map((line, index) => `${index === 0 ? mark : ' '.repeat(mark.length)}${line}`);
}

/** PyYAML takes 1e-5 for a string; it wants 1.0e-5. */
function printScalar(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return /^-?\d+e/.test(text) ? text.replace('e', '.0e') : text;
}
