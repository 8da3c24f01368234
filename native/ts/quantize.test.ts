import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { binding, bytesOf, rejects, wrong } from './testing.ts';

describe('quantizeRtn, quantizeGptq, widen and packing', () => {
  test('quantizeRtn gives codes, scales and an honest error', async () => {
    const data = Float32Array.from([-1, -0.5, 0, 1, 0.25, 0.5, 0.75, 2]);
    const source = { type: 'f32', rows: 2, cols: 4, data: bytesOf(data) } as const;
    const result = await binding.quantizeRtn(source, { dialect: 'instant_quant', bits: 8, symmetric: false, signed: false, groupSize: -1, scaleType: 'f32' });
    assert.equal(result.groups, 1);
    assert.ok(result.codes instanceof Uint8Array && result.codes.length === 8);
    assert.equal(result.notFinite, null);
    let squared = 0;
    for (let i = 0; i < 8; ++i) {
      const row = i >> 2;
      squared += ((data[i] ?? 0) - ((result.codes[i] ?? 0) - (result.zero[row] ?? 0)) * (result.scale[row] ?? 0)) ** 2;
    }
    assert.ok(Math.abs(result.mse - squared / 8) < 1e-9);
    assert.ok(result.sqnrDb > 40);
    const signed = await binding.quantizeRtn(source, { dialect: 'compressed_tensors', bits: 8, symmetric: true, groupSize: 2, scaleType: 'f32' });
    assert.ok(signed.codes instanceof Int8Array);
    assert.equal(signed.groups, 2);
  });

  test('quantizeRtn names the first weight that is not finite', async () => {
    const data = bytesOf(Float32Array.from([1, 2, 3, Number.NaN]));
    const options = { dialect: 'instant_quant', bits: 8, symmetric: false, groupSize: -1, scaleType: 'f32' } as const;
    assert.deepEqual((await binding.quantizeRtn({ type: 'f32', rows: 2, cols: 2, data }, options)).notFinite, [1, 1]);
  });

  test('quantizeRtn refuses options that make no sense', async () => {
    const source = { type: 'f32', rows: 1, cols: 4, data: new Uint8Array(16) } as const;
    const options = { dialect: 'ist', bits: 4, symmetric: true, groupSize: 4, scaleType: 'f32' } as const;
    await rejects(binding.quantizeRtn(source, { ...options, dialect: wrong('other') }), /options\.dialect must be one of/);
    for (const bits of [0, 9]) await rejects(binding.quantizeRtn(source, { ...options, bits: wrong(bits) }), /bits/);
    // One bit is ZeroQuant's signs.
    await rejects(binding.quantizeRtn(source, { ...options, bits: wrong(1) }), /bits/, 'QW_UNSUPPORTED');
    await rejects(binding.quantizeRtn(source, { ...options, symmetric: wrong(undefined) }), /symmetric must be true or false/);
    await rejects(binding.quantizeRtn(source, { ...options, groupSize: 0 }), /group/);
    await rejects(binding.quantizeRtn({ ...source, data: new Uint8Array(15) }, options), /source\.data has 15 bytes, but needs 16/);
  });

  test('quantizeGptq makes up for errors with the columns behind, and gives codes back in their own order', async () => {
    // Inputs 0 and 1 are always equal, input 2 is larger and stands alone.
    const hessian = Float32Array.from([1, 1, 0, 1, 1, 0, 0, 0, 9]);
    const factor = await binding.factorHessian(hessian, 3, { scale: 1, dampPercent: 0.0001, descAct: true });
    assert.deepEqual([[...factor.order], [...factor.dead], factor.deadColumns], [[2, 0, 1], [0, 0, 0], 0]);
    const data = bytesOf(Float32Array.from([0.4, -7.5, 2]));
    const source = { type: 'f32', rows: 1, cols: 3, data } as const;
    const result = await binding.quantizeGptq(source, factor, { bits: 4, symmetric: true, groupSize: -1, scaleType: 'f32' });
    // Steps of 1 around 8: 0.4 becomes 0 and leaves -7.5 + 0.4.
    assert.deepEqual([[...result.codes], [...result.scale], [...result.zero], [...result.gIdx]], [[8, 1, 10], [1], [8], [0, 0, 0]]);
    assert.ok(Math.abs(result.mse - (0.4 ** 2 + 0.5 ** 2) / 3) < 1e-6 && result.notFinite === null);
  });

  test('quantizeGptq refuses factors of another matrix and orders that are none', async () => {
    const factor = await binding.factorHessian(Float32Array.from([1, 0, 0, 1]), 2, { scale: 1, dampPercent: 0.01, descAct: false });
    const source = { type: 'f32', rows: 1, cols: 2, data: new Uint8Array(8) } as const;
    const options = { bits: 4, symmetric: true, groupSize: 2, scaleType: 'f32' } as const;
    await rejects(binding.quantizeGptq({ ...source, cols: 3, data: new Uint8Array(12) }, factor, options), /factor\.width/);
    const fresh = binding.createHessian(Float32Array.from([1, 0, 0, 1]), 2);
    assert.deepEqual([fresh.width, fresh.notFinite()], [2, null]);
    assert.equal(binding.createHessian(Float32Array.from([1, 0, 0, Number.NaN]), 2).notFinite(), 1);
    await rejects(binding.quantizeGptq(source, { ...factor, upper: fresh }, options), /factor\.upper is a Hessian that was not factored/);
    await rejects(binding.factorHessian(factor.upper, 2, { scale: 1, dampPercent: 0.01, descAct: false }), /was factored/);
    const { upper } = await binding.factorHessian(fresh, 2, { scale: 1, dampPercent: 0.01, descAct: true });
    await binding.quantizeGptq(source, { ...factor, upper }, options);
    upper.release();
    assert.equal(upper.bytes, 0);
    await rejects(binding.quantizeGptq(source, { ...factor, upper }, options), /or was released/);
    await rejects(binding.quantizeGptq(source, { ...factor, order: Int32Array.of(0, 7) }, options), /no permutation/);
    await rejects(binding.quantizeGptq(source, factor, { ...options, groupSize: 3 }), /group_size 3/);
    await rejects(binding.factorHessian(Float32Array.of(1), 2, { scale: 1, dampPercent: 0.01, descAct: false }), /hessian has 1 elements/);
    await rejects(binding.factorHessian(Float32Array.of(1, 3, 3, 1), 2, { scale: 1, dampPercent: 0.01, descAct: false }), /not positive definite/);
    await rejects(binding.factorHessian(Float32Array.of(1), 1, { scale: 1, dampPercent: 2, descAct: false }), /damp_percent 2/);
  });

  test('widen is exact', async () => {
    const bf16 = Uint8Array.of(0x80, 0x3f, 0x00, 0xc0); // 1, -2
    assert.deepEqual([...(await binding.widen({ type: 'bf16', rows: 1, cols: 2, data: bf16 }))], [1, -2]);
    const f16 = Uint8Array.of(0x00, 0x3c, 0x01, 0x00); // 1, 2^-24
    assert.deepEqual([...(await binding.widen({ type: 'f16', rows: 2, cols: 1, data: f16 }))], [1, 2 ** -24]);
  });

  for (const bits of [2, 3, 4, 5, 6, 7, 8] as const) {
    test(`${bits}-bit codes survive both packings`, async () => {
      const codes = Uint8Array.from({ length: 3 * 70 }, (_, i) => (i * 37) % 2 ** bits);
      const words = Math.ceil((70 * bits) / 32);
      const columns = await binding.packGptq(codes, 3, 70, bits);
      assert.equal(columns.length, words * 3 * 4);
      assert.deepEqual(await binding.unpackGptq(columns, 3, 70, bits), codes);
      const rows = await binding.packRows(codes, 3, 70, bits);
      assert.equal(rows.length, 3 * words * 4);
      assert.deepEqual(await binding.unpackRows(rows, 3, 70, bits), codes);
    });
  }

  test('packing refuses wrong sizes, bits and codes', async () => {
    await rejects(binding.packGptq(new Uint8Array(7), 2, 4, 4), /packGptq: codes has 7 elements, but needs 8/);
    await rejects(binding.packRows(wrong(new Int8Array(8)), 2, 4, 4), /codes must be a Uint8Array/);
    await rejects(binding.unpackGptq(new Uint8Array(9), 2, 4, 4), /words has 9 bytes, but needs 8/);
    await rejects(binding.unpackRows(new Uint8Array(8), 2, 4, wrong(9)), /bits must be an integer from 2 to 8/);
    await rejects(binding.packGptq(Uint8Array.of(0, 16), 1, 2, 4), /16/);
  });
});
