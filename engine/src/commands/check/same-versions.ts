// A range of versions says the same of most of them: findings that differ in the version alone become one, which names the others.
import type { Finding } from '@quantwright/schemas/check/finding';

/** More versions than this are counted. */
const named = 4;

/** `versions`: those that were judged for, as findings write them. */
export function acrossVersions(findings: readonly Finding[], versions: readonly string[]): readonly Finding[] {
  if (versions.length < 2) return findings;
  // Longer first: 0.1 is no part of 0.10.
  const written = [...versions].sort((a, b) => b.length - a.length).map((version) => version.replaceAll('.', '\\.'));
  const pattern = new RegExp(`(?<![\\d.])(?:${written.join('|')})(?![\\w]|\\.\\d)`, 'g');
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = [finding.code, finding.severity, finding.range.start, finding.range.end, finding.message.replace(pattern, '\u0000')].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()].flatMap(([first, ...others]) => (first === undefined ? [] : [others.length === 0 ? first : together(first, others, pattern)]));
}

function together(first: Finding, others: readonly Finding[], pattern: RegExp): Finding {
  const own = new Set(first.message.match(pattern) ?? []);
  const rest = [...new Set(others.flatMap(({ message }) => message.match(pattern) ?? []))].filter((version) => !own.has(version));
  const more = rest.length > named ? `${rest.slice(0, named).join(', ')} and ${rest.length - named} more` : rest.join(', ');
  return rest.length === 0 ? first : { ...first, message: `${first.message} The same for ${more}.` };
}
