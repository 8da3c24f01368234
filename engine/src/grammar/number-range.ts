// Decimal numbers between bounds, as grammars over digits. Numbers have at most mostDigits digits: bounds beyond are as good as none.
import { choice, type Grammar, nothing, optional, repeat, sequence, text } from './grammar.ts';
import { fraction, mostDigits } from './json-text.ts';

export const largestMagnitude: number = 10 ** mostDigits - 1;

/** Integers of [low, high]; both are integers. */
export function integerRange(low: number, high: number): Grammar {
  return signed(low, high, naturalRange);
}

/** Numbers of [low, high], written without exponent; both are integers. */
export function decimalRange(low: number, high: number): Grammar {
  return signed(low, high, (from, to) =>
    choice(
      from <= to - 1 ? sequence(naturalRange(from, to - 1), optional(fraction)) : nothing,
      sequence(naturalRange(to, to), optional(sequence(text('.'), repeat(text('0'), 1, mostDigits)))),
    ),
  );
}

/** `magnitudes`: those of [from, to], 0 <= from <= to. */
function signed(low: number, high: number, magnitudes: (from: number, to: number) => Grammar): Grammar {
  const [from, to] = [Math.max(low, -largestMagnitude), Math.min(high, largestMagnitude)];
  return choice(
    to >= 0 && from <= to ? magnitudes(Math.max(0, from), to) : nothing,
    from < 0 && from <= to ? sequence(text('-'), magnitudes(Math.max(0, -to), -from)) : nothing,
  );
}

/** Integers of [low, high], 0 <= low <= high, length by length. */
function naturalRange(low: number, high: number): Grammar {
  const options: Grammar[] = [];
  for (let length = String(low).length; length <= String(high).length; length++) {
    const from = Math.max(low, length === 1 ? 0 : 10 ** (length - 1));
    const to = Math.min(high, 10 ** length - 1);
    if (from <= to) options.push(sameLength(String(from), String(to)));
  }
  return choice(...options);
}

/** Digit strings between two of the same length. */
function sameLength(low: string, high: string): Grammar {
  if (low === '') return sequence();
  const [from, to] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (from === to) return sequence(digits(from, to), sameLength(lowRest, highRest));
  const [lowest, highest] = ['0'.repeat(lowRest.length), '9'.repeat(lowRest.length)];
  const first = lowRest === lowest ? from : from + 1;
  const last = highRest === highest ? to : to - 1;
  return choice(
    first > from ? sequence(digits(from, from), sameLength(lowRest, highest)) : nothing,
    first <= last ? sequence(digits(first, last), repeat(digits(0, 9), lowRest.length, lowRest.length)) : nothing,
    last < to ? sequence(digits(to, to), sameLength(lowest, highRest)) : nothing,
  );
}

function digits(low: number, high: number): Grammar {
  return { kind: 'byte', ranges: [[0x30 + low, 0x30 + high]] };
}
