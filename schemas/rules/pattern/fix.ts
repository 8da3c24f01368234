// A pattern that says what was meant: a star with its dot, or the text taken as it stands.
import type { Fix } from '../../check/finding.ts';
import { literal } from '../../configs/hf/not-converted.ts';
import type { WrittenPattern } from '../../configs/written-patterns.ts';
import { startAnchored } from '../../recipe/module-weights.ts';

export function starFix(pattern: WrittenPattern): readonly Fix[] {
  return rewrite(pattern, pattern.text.replace(/(\w[A-Za-z_])\*/g, '$1.*'));
}

/** A leading star was meant as in file names; else every sign is meant as it stands. */
export function escapedFix(pattern: WrittenPattern, regex: string): readonly Fix[] {
  const starred = regex.replace(/^\*/, '.*');
  const better = starred !== regex && startAnchored(starred) !== null ? starred : literal(regex);
  return rewrite(pattern, pattern.text.slice(0, pattern.text.length - regex.length) + better);
}

function rewrite({ path, isKey }: WrittenPattern, text: string): readonly Fix[] {
  const edit = isKey ? ({ kind: 'rename', path, key: text } as const) : ({ kind: 'set', path, value: text } as const);
  return [{ title: `Write ${JSON.stringify(text)} instead`, edits: [edit], preferred: true }];
}
