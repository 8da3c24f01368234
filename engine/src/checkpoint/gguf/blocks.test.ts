// Native weights of GGUF blocks beside the formats' own arithmetic, for blocks of any bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadBinding } from '../../jobs/binding.ts';
import { blocks, blockTypes, dequantize } from './testing/dequantize.ts';
import { ggufTypes } from './types.ts';

const binding = await loadBinding();

for (const type of blockTypes) {
  test(`${type} blocks of any bytes are the weights that the format describes, and no others`, async () => {
    const { weights, bytes, halves } = blocks[type];
    assert.deepEqual({ weights, bytes }, { weights: ggufTypes[type].weights, bytes: ggufTypes[type].bytes });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 19 }),
        fc.integer({ min: 1, max: 3 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
        async (rows, wide, stream) => {
          const data = Uint8Array.from(stream.take(rows * wide * bytes));
          const view = new DataView(data.buffer);
          // Exponent 31 would be no finite number.
          for (let block = 0; block < rows * wide; block += 1)
            for (const at of halves) data[block * bytes + at + 1] = (data[block * bytes + at + 1] ?? 0) & 0xbf;
          const weight = await binding.createWeight({ codec: 'gguf', type, rows, cols: wide * weights, data });
          assert.deepEqual(await weight.dequantize(), dequantize(type, data));
          view.setUint16((rows * wide - 1) * bytes + (halves.at(-1) ?? 0), 0x7c00, true);
          await assert.rejects(
            binding.createWeight({ codec: 'gguf', type, rows, cols: wide * weights, data }),
            new RegExp(`${type} weight: row ${rows - 1} has a scale that is no finite number`),
          );
        },
      ),
      { numRuns: 20 },
    );
  });
}

test('columns that are no whole blocks, and too few bytes, are refused', async () => {
  const data = new Uint8Array(144);
  await assert.rejects(binding.createWeight({ codec: 'gguf', type: 'Q4_K', rows: 1, cols: 128, data }), /cols must be a multiple of 256, the block of Q4_K/);
  await assert.rejects(binding.createWeight({ codec: 'gguf', type: 'Q4_K', rows: 2, cols: 256, data }), /data/);
});
