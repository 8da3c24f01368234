// The words of AutoAWQ's GEMM layout (algorithms section 18.2): eight outputs in each, in an order of their own.
import { awqOrder } from './layouts.ts';

/** Codes [rows, cols] below 16 -> words [cols, rows / 8], little endian: nibble i of word c holds output 8c + awqOrder[i]. rows: a multiple of 8. */
export function packAwq(codes: Uint8Array, rows: number, cols: number): Uint8Array {
  const lines = rows / 8;
  const words = new Uint32Array(lines * cols);
  for (let line = 0; line < lines; line++) {
    const [a, b, c, d, e, f, g, h] = awqOrder.map((output) => (8 * line + output) * cols);
    if (a === undefined || b === undefined || c === undefined || d === undefined) break;
    if (e === undefined || f === undefined || g === undefined || h === undefined) break;
    for (let col = 0; col < cols; col++) {
      const low = (codes[a + col] ?? 0) | ((codes[b + col] ?? 0) << 4) | ((codes[c + col] ?? 0) << 8) | ((codes[d + col] ?? 0) << 12);
      const high = (codes[e + col] ?? 0) | ((codes[f + col] ?? 0) << 4) | ((codes[g + col] ?? 0) << 8) | ((codes[h + col] ?? 0) << 12);
      words[col * lines + line] = low | (high << 16);
    }
  }
  return new Uint8Array(words.buffer);
}

/** The inverse of packAwq: words [cols, rows / 8] -> codes [rows, cols]. */
export function unpackAwq(words: Uint32Array, rows: number, cols: number): Uint8Array {
  const lines = rows / 8;
  const codes = new Uint8Array(rows * cols);
  for (let line = 0; line < lines; line++) {
    for (const [field, output] of awqOrder.entries()) {
      const row = (8 * line + output) * cols;
      for (let col = 0; col < cols; col++) codes[row + col] = ((words[col * lines + line] ?? 0) >>> (4 * field)) & 15;
    }
  }
  return codes;
}
