// Which GGUF block type holds a stored matrix with its own codes, scales and zero points (ggml repository, src/ggml-common.h :: block_q*):
//   Q4_0 (code - 8) d   Q4_1 code d + m   Q5_0 (code - 16) d   Q8_0 code d   blocks of 32, d and m f16
//   Q4_K code (d sc) - (dmin mn)   blocks of 256 with eight 6-bit sc and mn
// Nothing is rounded but, where allowed, m = -(zero scale) of Q4_1, to f16.
import { exactHalf } from '../fit.ts';
import type { StoredMatrix } from '../stored-matrix.ts';

export type BlockType = 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q8_0' | 'Q4_K';

export type BlockChoice =
  | {
      readonly type: BlockType;
      /** Largest change of a minimum by rounding, in parts of the scale, which is the distance of two levels; 0: none. */
      readonly rounded: number;
    }
  | { readonly why: string };

const block = 32;
const superBlock = 256;

/** `exact`: no minimum may be rounded. */
export function blockTypeFor(matrix: StoredMatrix, exact: boolean): BlockChoice {
  const { bits, cols, groups, groupSize, gIdx, scale } = matrix;
  if (gIdx !== undefined && groups > 1) return { why: 'its groups follow activation order (g_idx), and blocks are runs of columns' };
  if (cols % block !== 0) return { why: `rows of ${cols} are no whole blocks of ${block}` };
  if (groups > 1 && groupSize % block !== 0) return { why: `groups of ${groupSize} are no whole blocks of ${block}` };
  const bad = scale.findIndex((value) => !exactHalf(value));
  if (bad >= 0) return { why: `the scale ${scale[bad]} of row ${Math.floor(bad / groups)}, group ${bad % groups} is not exact in the float16 of the blocks` };
  const zeros = unsignedZeros(matrix);
  const whole = zeros.every(Number.isInteger);
  const middle = 2 ** (bits - 1);
  if (whole && bits > 4) {
    // Codes less their zero point must lie in -128..127.
    const fits = zeros.every((zero) => zero <= 128 && 2 ** bits - 1 - zero <= 127);
    if (fits) return { type: 'Q8_0', rounded: 0 };
  }
  if (bits > 4) return { why: `${bits}-bit codes with zero points other than ${middle} fit no block type; 8-bit symmetric and up to 4-bit asymmetric ones do` };
  if (whole && zeros.every((zero) => zero <= 8 && 2 ** bits - 1 - zero <= 7)) return { type: 'Q4_0', rounded: 0 };
  if (whole && cols % superBlock === 0 && superBlocks(matrix, zeros) !== null) return { type: 'Q4_K', rounded: 0 };
  const rounded = largestRounding(scale, zeros);
  if (rounded === 0) return { type: 'Q4_1', rounded };
  if (!exact) return Number.isFinite(rounded) ? { type: 'Q4_1', rounded } : { why: 'a minimum is beyond the range of float16' };
  if (whole) return { type: 'Q5_0', rounded: 0 };
  return { why: 'minimums of fractional zero points are not exact in float16; without --exact they are rounded' };
}

/** Zero points of the codes as unsigned ones. */
export function unsignedZeros({ zero, signed, bits }: StoredMatrix): Float32Array {
  return signed ? zero.map((value) => value + 2 ** (bits - 1)) : zero;
}

function largestRounding(scale: Float32Array, zeros: Float32Array): number {
  let worst = 0;
  for (let at = 0; at < scale.length; at++) {
    const [step, minimum] = [scale[at] ?? 0, -(scale[at] ?? 0) * (zeros[at] ?? 0)];
    if (exactHalf(minimum)) continue;
    const size = Math.abs(minimum);
    if (size > 65_504) return Number.POSITIVE_INFINITY;
    let quantum = 2 ** -24;
    while (size >= quantum * 2048) quantum *= 2;
    worst = Math.max(worst, Math.abs(size - Math.round(size / quantum) * quantum) / Math.abs(step));
  }
  return worst;
}

export interface SuperBlocks {
  /** Of every super-block: [rows, cols / 256]. */
  readonly d: Float32Array;
  readonly dmin: Float32Array;
  /** 6-bit factors of every block: [rows, cols / 32]. */
  readonly factors: Uint8Array;
  readonly minimums: Uint8Array;
}

/** Scales and minimums of the blocks as whole multiples, up to 63, of two f16 numbers each super-block; null where one has none. */
export function superBlocks({ rows, cols, groups, groupSize, scale }: StoredMatrix, zeros: Float32Array): SuperBlocks | null {
  const [supers, eighths] = [cols / superBlock, superBlock / block];
  const out = {
    d: new Float32Array(rows * supers),
    dmin: new Float32Array(rows * supers),
    factors: new Uint8Array(rows * supers * eighths),
    minimums: new Uint8Array(rows * supers * eighths),
  };
  for (let at = 0; at < rows * supers; at++) {
    const parameters = Array.from({ length: eighths }, (_, part) => {
      const column = (at % supers) * superBlock + part * block;
      return Math.floor(at / supers) * groups + (groups === 1 ? 0 : Math.floor(column / groupSize));
    });
    const d = multiples(parameters.map((from) => scale[from] ?? 0));
    const dmin = multiples(parameters.map((from) => (scale[from] ?? 0) * (zeros[from] ?? 0)));
    if (d === null || dmin === null) return null;
    out.d[at] = d.unit;
    out.dmin[at] = dmin.unit;
    out.factors.set(d.factors, at * eighths);
    out.minimums.set(dmin.factors, at * eighths);
  }
  return out;
}

/** The largest number of which all values are multiples 0..63, exact in f16; null where there is none. */
function multiples(values: readonly number[]): { readonly unit: number; readonly factors: readonly number[] } | null {
  const sign = values.some((value) => value < 0) ? -1 : 1;
  // f16 numbers and their products with whole numbers below 16 are multiples of 2^-24.
  const whole = values.map((value) => sign * value * 2 ** 24);
  if (whole.some((value) => value < 0 || !Number.isSafeInteger(value))) return null;
  const divisor = whole.reduce(greatestDivisor, 0);
  if (divisor === 0) return { unit: 0, factors: values.map(() => 0) };
  const largest = Math.max(...whole) / divisor;
  // The divisor itself may have more digits than f16 holds (a scale times a zero point): then a part of it.
  for (let part = 1; part * largest <= 63; part++) {
    const unit = (sign * divisor) / part / 2 ** 24;
    if (divisor % part === 0 && exactHalf(unit)) return { unit, factors: whole.map((value) => (value / divisor) * part) };
  }
  return null;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
