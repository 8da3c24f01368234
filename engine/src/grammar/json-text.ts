// JSON (RFC 8259) as grammars. Narrower than the RFC where a model could go on for ever or lose digits: little white space, numbers that fit a double.
import { type CodePoints, everyCodePoint, has, intersection, utf8, without } from './code-points.ts';
import { choice, type Grammar, nothing, optional, repeat, rule, sequence, text } from './grammar.ts';

/** Between the parts of arrays and objects: nothing, a space, or a new line with its indent. */
export const gap = rule(() => optional(choice(text(' '), sequence(text('\n'), repeat(text(' '), 0, 20)))));
export const comma = rule(() => sequence(text(','), gap));
/** Behind a key. */
export const colon = rule(() => sequence(text(':'), optional(text(' '))));

const digit: Grammar = { kind: 'byte', ranges: [[0x30, 0x39]] };
const hex: Grammar = choice(digit, { kind: 'byte', ranges: [[0x61, 0x66]] });

/** Code points that a string holds as they are. */
const plain: CodePoints = without(everyCodePoint, [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
]);
const shortEscapes: readonly (readonly [code: number, letter: string])[] = [
  [0x22, '"'],
  [0x5c, '\\'],
  [0x08, 'b'],
  [0x0c, 'f'],
  [0x0a, 'n'],
  [0x0d, 'r'],
  [0x09, 't'],
];

/** One code point of the set inside a string, each spelled in one way: as it is where that is possible, else by its escape. */
export function stringCharacter(set: CodePoints): Grammar {
  const escaped = shortEscapes.filter(([code]) => has(set, code)).map(([, letter]) => text(`\\${letter}`));
  const short = shortEscapes.map(([code]) => [code, code] as const);
  const controls = intersection(without(set, short), [[0, 0x1f]]).flatMap(([low, high]) => Array.from({ length: high - low + 1 }, (_, at) => low + at));
  return choice(utf8(intersection(set, plain)), ...escaped, ...controls.map((code) => text(`\\u${code.toString(16).padStart(4, '0')}`)));
}

/** \uXXXX of one code point: surrogates, which mean one only in pairs, are left out. */
const unicodeEscape = sequence(
  text('\\u'),
  choice(sequence(choice(...[...'0123456789abcef'].map(text)), hex, hex, hex), sequence(text('d'), { kind: 'byte', ranges: [[0x30, 0x37]] }, hex, hex)),
);

/** Any one code point of a string, in any spelling. */
export const anyCharacter = rule(() => choice(utf8(plain), ...shortEscapes.map(([, letter]) => text(`\\${letter}`)), text('\\/'), unicodeEscape));

export const anyString = rule(() => quoted(repeat(anyCharacter, 0, null)));

export function quoted(content: Grammar): Grammar {
  return sequence(text('"'), content, text('"'));
}

/** A key that is none of these, spelled without escapes. */
export function otherKey(names: readonly string[]): Grammar {
  const rest = repeat(utf8(plain), 0, null);
  const after = (points: readonly (readonly number[])[], depth: number): Grammar => {
    const followers = new Map<number, (readonly number[])[]>();
    for (const name of points) {
      const point = name[depth];
      if (point !== undefined) followers.set(point, [...(followers.get(point) ?? []), name]);
    }
    const taken = [...followers.keys()].map((point) => [point, point] as const);
    return choice(
      points.some((name) => name.length === depth) ? nothing : text('"'),
      sequence(utf8(without(plain, taken)), rest, text('"')),
      ...[...followers].filter(([point]) => has(plain, point)).map(([point, names]) => sequence(utf8([[point, point]]), after(names, depth + 1))),
    );
  };
  const points = names.map((name) => Array.from(name, (character) => character.codePointAt(0) ?? 0));
  return sequence(text('"'), after(points, 0));
}

/** Doubles hold every integer of 15 digits. */
export const mostDigits = 15;
const digits = repeat(digit, 0, mostDigits - 1);
const natural = choice(text('0'), sequence({ kind: 'byte', ranges: [[0x31, 0x39]] }, digits));
export const fraction = sequence(text('.'), repeat(digit, 1, mostDigits));
const exponent = sequence(choice(text('e'), text('E')), optional(choice(text('+'), text('-'))), repeat(digit, 1, 2));

export const anyInteger = rule(() => choice(text('0'), sequence(optional(text('-')), { kind: 'byte', ranges: [[0x31, 0x39]] }, digits)));
export const anyNumber = rule(() => sequence(optional(text('-')), natural, optional(fraction), optional(exponent)));

export const anyArray: Grammar = rule(() => sequence(text('['), gap, optional(sequence(anyValue, repeat(sequence(comma, anyValue), 0, null), gap)), text(']')));
const anyMember = rule(() => sequence(anyString, colon, anyValue));
export const anyObject: Grammar = rule(() =>
  sequence(text('{'), gap, optional(sequence(anyMember, repeat(sequence(comma, anyMember), 0, null), gap)), text('}')),
);
export const anyValue: Grammar = rule(() => choice(anyObject, anyArray, anyString, anyNumber, text('true'), text('false'), text('null')));

/** A whole answer: models like to begin with a space. */
export function document(value: Grammar): Grammar {
  return sequence(optional(text(' ')), value);
}
