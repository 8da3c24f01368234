// Sets of Unicode code points, and the UTF-8 byte sequences that spell them. Surrogates are never in a set: they have no UTF-8.
import { choice, type Grammar, sequence } from './grammar.ts';

/** Rising, not touching ranges, both ends included. */
export type CodePoints = readonly (readonly [low: number, high: number])[];

const last = 0x10ffff;
export const everyCodePoint: CodePoints = [
  [0, 0xd7ff],
  [0xe000, last],
];

export function union(...sets: readonly CodePoints[]): CodePoints {
  const sorted = sets.flat().sort((a, b) => a[0] - b[0]);
  const out: [number, number][] = [];
  for (const [low, high] of sorted) {
    const before = out.at(-1);
    if (before !== undefined && low <= before[1] + 1) before[1] = Math.max(before[1], high);
    else out.push([low, high]);
  }
  return out;
}

export function intersection(a: CodePoints, b: CodePoints): CodePoints {
  return a.flatMap(([low, high]) => b.map(([from, to]) => [Math.max(low, from), Math.min(high, to)] as const).filter(([from, to]) => from <= to));
}

/** Every code point that is not in the set. */
export function without(set: CodePoints, removed: CodePoints): CodePoints {
  const gaps: [number, number][] = [];
  let from = 0;
  for (const [low, high] of union(removed)) {
    if (low > from) gaps.push([from, low - 1]);
    from = high + 1;
  }
  if (from <= last) gaps.push([from, last]);
  return intersection(set, gaps);
}

export function has(set: CodePoints, point: number): boolean {
  return set.some(([low, high]) => low <= point && point <= high);
}

/** One code point of the set as UTF-8 (RFC 3629): every sequence of byte ranges covers a block of code points. */
export function utf8(set: CodePoints): Grammar {
  const sequences = intersection(set, everyCodePoint).flatMap(([low, high]) =>
    lengths.flatMap(([from, to]) => {
      const [begin, end] = [Math.max(low, from), Math.min(high, to)];
      return begin > end ? [] : blocks(encode(begin), encode(end));
    }),
  );
  return choice(...sequences.map((ranges) => sequence(...ranges.map((range): Grammar => ({ kind: 'byte', ranges: [range] })))));
}

/** Code points of one, two, three and four bytes. */
const lengths = [
  [0, 0x7f],
  [0x80, 0x7ff],
  [0x800, 0xffff],
  [0x10000, last],
] as const;

const encoder = new TextEncoder();

function encode(point: number): number[] {
  return Array.from(encoder.encode(String.fromCodePoint(point)));
}

type ByteRange = readonly [low: number, high: number];
const continuation: ByteRange = [0x80, 0xbf];

function blocks(low: readonly number[], high: readonly number[]): ByteRange[][] {
  const [from = 0, ...lowRest] = low;
  const [to = 0, ...highRest] = high;
  if (lowRest.length === 0) return [[[from, to]]];
  const under = (byte: number, tails: ByteRange[][]): ByteRange[][] => tails.map((tail) => [[byte, byte], ...tail]);
  if (from === to) return under(from, blocks(lowRest, highRest));
  const [lowest, highest] = [lowRest.map(() => 0x80), lowRest.map(() => 0xbf)];
  const first = lowRest.every((byte) => byte === 0x80) ? from : from + 1;
  const final = highRest.every((byte) => byte === 0xbf) ? to : to - 1;
  return [
    ...(first > from ? under(from, blocks(lowRest, highest)) : []),
    ...(first <= final ? [[[first, final] as ByteRange, ...lowRest.map(() => continuation)]] : []),
    ...(final < to ? under(to, blocks(lowest, highRest)) : []),
  ];
}
