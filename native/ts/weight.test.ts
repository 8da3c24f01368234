import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { AffineWeightSpec, WeightSpec } from './binding.ts';
import { binding, bytesOf, dense, refuses, rejects, wrong } from './testing.ts';

describe('Weight', () => {
  const affine = (change: Partial<AffineWeightSpec> = {}): WeightSpec => ({
    codec: 'q8',
    rows: 2,
    cols: 4,
    groupSize: 2,
    codes: Int8Array.from([1, 2, 3, 4, -5, 6, -7, 8]),
    scale: Float32Array.from([0.5, 1, 2, 4]),
    zero: Float32Array.from([0, 1, 0, -1]),
    scaleType: 'f32',
    ...change,
  });

  test('affine codes mean (code - zero) * scale', async () => {
    const weight = await binding.createWeight(affine());
    assert.deepEqual([weight.codec, weight.rows, weight.cols], ['q8', 2, 4]);
    assert.ok(weight.bytes > 0);
    assert.deepEqual([...(await weight.dequantize())], [0.5, 1, 2, 3, -10, 12, -24, 36]);
  });

  test('codes and parameters may come as a checkpoint stores them', async () => {
    const codes = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 15]);
    const scale = new Uint8Array(Float32Array.from([0.5, 2, 1, 4]).buffer);
    const zero = new Uint8Array(Float32Array.from([0, 1, 2, 3]).buffer);
    const [gptq, rows] = [await binding.packGptq(codes, 2, 4, 4), await binding.packRows(codes, 2, 4, 4)];
    const wanted = [0.5, 1, 1, 2, 8, 10, 16, 48];
    for (const [layout, bits, data] of [
      ['gptq', 4, gptq],
      ['rows', 4, rows],
      ['bytes', 8, codes],
    ] as const) {
      const weight = await binding.createWeight(
        affine({
          codec: 'q4',
          codes: { layout, bits, signed: false, data },
          scale: { type: 'f32', order: 'groups', data: scale },
          zero: { type: 'f32', order: 'groups', data: zero },
        }),
      );
      assert.deepEqual([...(await weight.dequantize())], wanted, layout);
    }
    const stored = { layout: 'gptq', bits: 4, signed: false, data: gptq } as const;
    await rejects(binding.createWeight(affine({ codes: { ...stored, data: new Uint8Array(7) } })), /spec\.codes\.data has 7 bytes, but needs 8/);
    await rejects(binding.createWeight(affine({ codes: { ...stored, bits: wrong(9) } })), /spec\.codes\.bits must be an integer from 2 to 8/);
    await rejects(
      binding.createWeight(affine({ codes: { ...stored, layout: wrong('tiled') } })),
      /layout must be one of 'bytes', 'gptq', 'rows', 'fields', 'awq', 'planes', not 'tiled'/,
    );
    await assert.rejects(
      binding.createWeight(affine({ codes: { ...stored, layout: 'awq', data: new Uint8Array(16) } })),
      /AWQ words hold 4 bits of 8 rows each, not 4 bits of 2 rows/,
    );
    await rejects(binding.createWeight(affine({ scale: { type: 'f16', order: 'rows', data: scale } })), /spec\.scale\.data has 16 bytes, but needs 8/);
    await rejects(binding.createWeight(affine({ zero: { type: 'f32', order: wrong('columns'), data: zero } })), /order must be one of 'rows', 'groups'/);
  });

  test('matmul is x W^T + bias', async () => {
    const weight = await dense(2, 3, [1, 2, 3, 4, 5, 6]);
    const y = await weight.matmul(Float32Array.from([1, 0, 0, 1, 1, 1]), 2, Float32Array.from([10, 20]));
    assert.deepEqual([...y], [11, 24, 16, 35]);
    assert.deepEqual([...(await weight.matmul(Float32Array.from([0, 0, 1]), 1))], [3, 6]);
  });

  test('the caller may overwrite a dense matrix once the weight is made', async () => {
    const data = Float32Array.from([1, 2]);
    const weight = await binding.createWeight({ codec: 'dense', type: 'f32', rows: 1, cols: 2, data: bytesOf(data) });
    data.fill(9);
    assert.deepEqual([...(await weight.dequantize())], [1, 2]);
  });

  test('specs that do not add up are refused with the field', async () => {
    await rejects(binding.createWeight(affine({ codes: new Int8Array(7) })), /createWeight: spec\.codes has 7 elements, but needs 8/);
    await rejects(binding.createWeight(affine({ scale: new Float32Array(3) })), /spec\.scale has 3 elements, but needs 4/);
    await rejects(binding.createWeight(affine({ zero: wrong([0, 0, 0, 0]) })), /spec\.zero must be a Float32Array, not an object/);
    await rejects(binding.createWeight(affine({ groupSize: 0 })), /groupSize must be -1 or at least 1/);
    await rejects(binding.createWeight(affine({ gIdx: Int32Array.from([0, 1, 2, 0]) })), /gIdx\[2\] is 2, but groups are 0\.\.1/);
    await rejects(
      binding.createWeight(affine({ codec: wrong('q7') })),
      /codec must be one of 'dense', 'gguf', 'table4', .*'q8', 'q6', 'q5', 'q4', 'q3', 'q2', 'w8a8', .*not 'q7'/,
    );
    await rejects(binding.createWeight(affine({ rows: 2 ** 31, cols: 2 ** 31 })), /larger than this addon handles/);
    await rejects(binding.createWeight(wrong(null)), /spec must be an object, not null/);
    await rejects(binding.createWeight({ codec: 'dense', type: 'bf16', rows: 2, cols: 2, data: new Uint8Array(16) }), /data has 16 bytes, but needs 8/);
    const forged = { file: {}, offset: 0, length: 8 };
    await rejects(
      binding.createWeight({ codec: 'dense', type: 'bf16', rows: 2, cols: 2, data: wrong(forged) }),
      /data\.file must be a MappedFile of this addon/,
    );
  });

  test('matmul refuses shapes that do not fit', async () => {
    const weight = await dense(2, 3, [1, 2, 3, 4, 5, 6]);
    await rejects(weight.matmul(new Float32Array(5), 2), /matmul: x has 5 elements, but needs 6/);
    await rejects(weight.matmul(new Float32Array(3), 0), /m must be an integer from 1/);
    await rejects(weight.matmul(new Float32Array(3), 1, new Float32Array(3)), /bias has 3 elements, but needs 2/);
    await rejects(weight.matmul(wrong(new Float64Array(3)), 1), /x must be a Float32Array, not another kind of array/);
  });

  test('objects of this addon cannot be forged', async () => {
    const weight = await dense(1, 1, [1]);
    const Constructor = weight.constructor as new (...values: unknown[]) => unknown;
    refuses(() => new Constructor(), /not constructed directly; use createWeight/);
    refuses(() => new Constructor({}), /not constructed directly/);
    const file = binding.openFile(fileURLToPath(import.meta.url));
    assert.throws(() => weight.dequantize.call(wrong(file)), TypeError);
  });
});
