// A proposal in YAML: plain words where they can stand without quotes, one member a line.
import { printFlow, printText } from '@quantwright/schemas/document/yaml-print';
import type { Cursor } from '../../document/cursor.ts';
import type { Proposal } from './proposal.ts';

/** JSON text is YAML, too: what cannot be read back stays as it is. */
export function asYaml(proposal: Proposal, cursor: Exclude<Cursor, { kind: 'none' }>): Proposal {
  const text = cursor.kind === 'key' ? member(proposal.text, proposal.label, cursor.hasColon) : value(proposal.text);
  return { ...proposal, text, snippet: null };
}

function member(json: string, key: string, hasColon: boolean): string {
  if (hasColon) return printText(key);
  const quoted = `${JSON.stringify(key)}: `;
  return json.startsWith(quoted) ? `${printText(key)}: ${value(json.slice(quoted.length))}` : json;
}

function value(json: string): string {
  try {
    return printFlow(JSON.parse(json));
  } catch {
    return json;
  }
}
