// Regular expressions of JSON Schema (ECMA-262 with the u flag) -> what a JSON string holds that matches. The part that is a regular language is kept:
// literals, classes, groups, alternatives, counts, anchors at the ends. Look-around, back references and word boundaries are refused.
import { type CodePoints, everyCodePoint, union, without } from './code-points.ts';
import { choice, empty, type Grammar, repeat, sequence } from './grammar.ts';
import { anyCharacter, stringCharacter } from './json-text.ts';

/** `reason` says what of the pattern cannot be kept. */
export class PatternError extends Error {}

const digit: CodePoints = [[0x30, 0x39]];
const word: CodePoints = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
/** WhiteSpace and LineTerminator of ECMA-262. */
const space: CodePoints = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const lineEnds: CodePoints = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const classes: Readonly<Record<string, CodePoints>> = {
  d: digit,
  D: without(everyCodePoint, digit),
  w: word,
  W: without(everyCodePoint, word),
  s: space,
  S: without(everyCodePoint, space),
};
const controls: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, f: 0x0c, v: 0x0b, '0': 0 };

/** A schema that counts higher is not meant for an answer of some hundred tokens. */
const mostCopies = 1000;

/** Content of the string, without its quotes. Throws PatternError. */
export function patternGrammar(source: string): Grammar {
  try {
    new RegExp(source, 'u');
  } catch (cause) {
    throw new PatternError(cause instanceof Error ? cause.message : String(cause));
  }
  const characters = Array.from(source);
  let at = 0;
  const refuse = (what: string): never => {
    throw new PatternError(`${what} at character ${at + 1} of ${JSON.stringify(source)} cannot be kept`);
  };
  const take = (wanted: string): boolean => {
    const found = characters.slice(at, at + wanted.length).join('') === wanted;
    if (found) at += wanted.length;
    return found;
  };
  const next = (): string => characters[at++] ?? refuse('the end');

  const hexDigits = (count: number): number => {
    const digits = characters.slice(at, at + count).join('');
    at += count;
    return Number.parseInt(digits, 16);
  };
  const escaped = (): CodePoints => {
    const letter = next();
    const set = classes[letter];
    if (set !== undefined) return set;
    const control = controls[letter];
    if (control !== undefined) return [[control, control]];
    if (letter === 'x') return single(hexDigits(2));
    if (letter === 'u') {
      if (!take('{')) return single(hexDigits(4));
      const close = characters.indexOf('}', at);
      const point = hexDigits(close - at);
      at = close + 1;
      return single(point);
    }
    if (/[A-Za-z1-9]/.test(letter)) {
      at -= 2;
      return refuse(`\\${letter}`);
    }
    return single(letter.codePointAt(0) ?? 0);
  };
  const bracket = (): CodePoints => {
    const negated = take('^');
    let set: CodePoints = [];
    while (!take(']')) {
      const from = member();
      const [low] = from;
      if (characters[at] === '-' && characters[at + 1] !== ']' && low !== undefined) {
        at++;
        const [high] = member();
        set = union(set, [[low[0], high?.[1] ?? low[1]]]);
      } else set = union(set, from);
    }
    return negated ? without(everyCodePoint, set) : set;
  };
  const member = (): CodePoints => (take('\\') ? (take('b') ? single(0x08) : take('-') ? single(0x2d) : escaped()) : single(next().codePointAt(0) ?? 0));
  const atom = (): Grammar => {
    if (take('(')) {
      if (take('?<') && !/[=!]/.test(characters[at] ?? '')) at = characters.indexOf('>', at) + 1;
      else if (take('?') && !take(':')) return refuse('a look-around or flag group');
      const inner = choice(...alternatives().map(({ body }) => body));
      at++;
      return inner;
    }
    if (take('[')) return stringCharacter(bracket());
    if (take('\\')) return stringCharacter(escaped());
    if (take('.')) return stringCharacter(without(everyCodePoint, lineEnds));
    if (characters[at] === '^' || characters[at] === '$') return refuse(`${characters[at]} inside the pattern`);
    return stringCharacter(single(next().codePointAt(0) ?? 0));
  };
  const counted = (body: Grammar): Grammar => {
    let out = body;
    if (take('*')) out = repeat(body, 0, null);
    else if (take('+')) out = repeat(body, 1, null);
    else if (take('?')) out = repeat(body, 0, 1);
    else if (take('{')) {
      const [, low = '', , high] = /^(\d+)(,(\d*))?\}/.exec(characters.slice(at).join('')) ?? [];
      const range = /^(\d+)(,(\d*))?\}/.exec(characters.slice(at).join(''))?.[0] ?? '';
      const least = Number(low);
      const most = !range.includes(',') ? least : high === '' || high === undefined ? null : Number(high);
      if ((most ?? least) > mostCopies) return refuse(`a count above ${mostCopies}`);
      at += range.length;
      out = repeat(body, least, most);
    } else return body;
    take('?'); // lazy: the same texts
    return out;
  };
  /** `begins`, `ends`: anchored, possible only at the top. */
  const alternatives = (top = false): { readonly body: Grammar; readonly begins: boolean; readonly ends: boolean }[] => {
    const out: { body: Grammar; begins: boolean; ends: boolean }[] = [];
    do {
      const parts: Grammar[] = [];
      const begins = top && take('^');
      let ends = false;
      while (at < characters.length && characters[at] !== '|' && characters[at] !== ')') {
        const follower = characters[at + 1];
        if (top && characters[at] === '$' && (follower === undefined || follower === '|')) {
          ends = true;
          at++;
        } else parts.push(counted(atom()));
      }
      out.push({ body: parts.length === 0 ? empty : sequence(...parts), begins, ends });
    } while (take('|'));
    return out;
  };
  const anything = repeat(anyCharacter, 0, null);
  return choice(...alternatives(true).map(({ body, begins, ends }) => sequence(begins ? empty : anything, body, ends ? empty : anything)));
}

function single(point: number): CodePoints {
  return [[point, point]];
}
