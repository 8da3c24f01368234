// Packing of codes of every width: words are the bit stream they are said to be and give the codes back, and a weight made of words is, to the last
// bit, the one made of the codes; for shapes that no word, block or tile divides, and columns in any order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AffineWeightSpec, PackedBits, StoredCodes } from '@quantwright/native/binding';
import fc from 'fast-check';
import { loadBinding } from '../jobs/binding.ts';
import { fieldWords, packedWords, weightOnlyCodec } from './layouts.ts';

const binding = await loadBinding();

const widths = [2, 3, 4, 5, 6, 7, 8] as const;

const matrices = fc
  .record({ bits: fc.constantFrom(...widths), rows: fc.integer({ min: 1, max: 37 }), cols: fc.integer({ min: 1, max: 150 }) })
  .chain(({ bits, rows, cols }) =>
    fc.record({
      bits: fc.constant<PackedBits>(bits),
      rows: fc.constant(rows),
      cols: fc.constant(cols),
      codes: fc.uint8Array({ minLength: rows * cols, maxLength: rows * cols, max: 2 ** bits - 1 }),
      groupSize: fc.integer({ min: 1, max: cols }),
      order: fc.boolean(),
      shift: fc.integer({ min: 0, max: 1000 }),
      zeros: fc.constantFrom('shared', 'whole', 'fractional'),
    }),
  );

test('words hold the stream of codes, and give it back', async () => {
  await fc.assert(
    fc.asyncProperty(matrices, async ({ bits, rows, cols, codes }) => {
      const lines = await binding.packRows(codes, rows, cols, bits);
      const columns = await binding.packGptq(codes, rows, cols, bits);
      assert.deepEqual(lines, streams(codes, rows, cols, bits));
      assert.deepEqual(await binding.unpackRows(lines, rows, cols, bits), codes);
      assert.deepEqual(await binding.unpackGptq(columns, rows, cols, bits), codes);
      assert.deepEqual(transposedWords(columns, lines.length / 4 / rows, rows), lines);
    }),
    { numRuns: 150 },
  );
});

test('a weight made of words is the weight made of the codes', async () => {
  await fc.assert(
    fc.asyncProperty(matrices, async ({ bits, rows, cols, codes, groupSize, order, shift, zeros }) => {
      const groups = Math.ceil(cols / groupSize);
      const count = rows * groups;
      const zeroOf = (at: number): number => (zeros === 'shared' ? 2 : zeros === 'whole' ? (at + shift) % 2 ** bits : ((at + shift) % 7) / 4);
      const scale = Float32Array.from({ length: count }, (_, at) => (1 + ((at + shift) % 5)) / 8);
      const zero = Float32Array.from({ length: count }, (_, at) => zeroOf(at));
      const spec: Omit<AffineWeightSpec, 'codes'> = {
        codec: weightOnlyCodec(bits),
        rows,
        cols,
        groupSize,
        scale,
        zero,
        ...(order ? { gIdx: Int32Array.from({ length: cols }, (_, column) => (column * 7 + shift) % groups) } : {}),
        scaleType: 'f16',
      };
      const group = (column: number): number => spec.gIdx?.[column] ?? Math.floor(column / groupSize);
      const wanted = Float32Array.from(codes, (code, at) => {
        const param = Math.floor(at / cols) * groups + group(at % cols);
        return (code - (zero[param] ?? 0)) * (scale[param] ?? 0);
      });
      const stored: readonly (readonly [StoredCodes['layout'], Uint8Array])[] = [
        ['gptq', await binding.packGptq(codes, rows, cols, bits)],
        ['rows', await binding.packRows(codes, rows, cols, bits)],
        ['fields', wholeFields(codes, rows, cols, bits)],
      ];
      for (const given of [codes, ...stored.map(([layout, data]) => ({ layout, bits, signed: false, data }))]) {
        assert.deepEqual(await (await binding.createWeight({ ...spec, codes: given })).dequantize(), wanted);
      }
    }),
    { numRuns: 100 },
  );
});

/** The definition: bit j of code i of a row is bit i * bits + j of its line of words. */
function streams(codes: Uint8Array, rows: number, cols: number, bits: PackedBits): Uint8Array {
  const bytes = packedWords(cols, bits) * 4;
  const out = new Uint8Array(rows * bytes);
  codes.forEach((code, at) => {
    for (let bit = 0; bit < bits; bit++) {
      const place = (at % cols) * bits + bit;
      const byte = Math.floor(at / cols) * bytes + (place >> 3);
      out[byte] = (out[byte] ?? 0) | (((code >> bit) & 1) << (place & 7));
    }
  });
  return out;
}

/** As many whole codes in a word as fit. */
function wholeFields(codes: Uint8Array, rows: number, cols: number, bits: PackedBits): Uint8Array {
  const fields = Math.floor(32 / bits);
  const words = fieldWords(cols, bits);
  const out = new Uint32Array(rows * words);
  codes.forEach((code, at) => {
    const word = Math.floor(at / cols) * words + Math.floor((at % cols) / fields);
    out[word] = (out[word] ?? 0) | (code << (((at % cols) % fields) * bits));
  });
  return new Uint8Array(out.buffer);
}

function transposedWords(bytes: Uint8Array, rows: number, cols: number): Uint8Array {
  const words = new Uint32Array(bytes.slice().buffer);
  return new Uint8Array(Uint32Array.from(words, (_, at) => words[(at % rows) * cols + Math.floor(at / rows)] ?? 0).buffer);
}
