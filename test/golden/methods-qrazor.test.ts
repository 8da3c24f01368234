// QRazor's two stages against both reference implementations: base scales, codes, shifts and restored values, exact. Cases of weights and of activations,
// whose rows are tokens here.
import assert from 'node:assert/strict';
import type { QrazorOptions, QrazorResult } from '@quantwright/native/binding';
import { goldenBinding } from './binding.ts';
import { type GoldenCase, goldenTensor } from './cases.ts';
import { runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();

function optionsOf({ params }: GoldenCase): QrazorOptions {
  return {
    baseBits: Number(params['base_bits']) as QrazorOptions['baseBits'],
    bits: Number(params['r_bits']) as QrazorOptions['bits'],
    groupSize: Number(params['sdr_group']),
    baseGroupSize: Number(params['quant_group']),
    symmetric: params['sym'] === true,
    rule: 'qllm',
  };
}

runGoldenCases('qrazor', async ({ golden, tensors, same }) => {
  const x = goldenTensor(tensors, 'in.x');
  const [rows = 0, cols = 0] = x.shape;
  const options = optionsOf(golden);
  const source = { type: 'f32', rows, cols, data: new Uint8Array(Float32Array.from(x.data).buffer) } as const;
  const result = await binding.quantizeQrazor(source, options);
  same('scale', result.scale);
  same('sdr_codes', result.codes);
  same('sdr_shift', result.shifts);
  const scaled = integers(result, options.groupSize);
  same('sdr_codes_scaled', scaled);
  const columns = (rows * cols) / result.scale.length;
  same(
    'dequant',
    scaled.map((value, at) => Math.fround(value * (result.scale[Math.floor(at / columns)] ?? Number.NaN))),
  );
  const original = await binding.quantizeQrazor(source, { ...options, rule: 'original' });
  same('sdr_codes_scaled_variant_original', integers(original, options.groupSize));
  assert.deepEqual(original.shifts, result.shifts);
  if (golden.case.includes('_act_') && options.symmetric === true) {
    for (const rule of ['qllm', 'original'] as const) {
      const restored = await razoredActivations(x.data, rows, cols, options, rule);
      const wanted = rule === 'qllm' ? scaled : integers(original, options.groupSize);
      assert.deepEqual(
        restored,
        wanted.map((value, at) => Math.fround(value * (result.scale[Math.floor(at / columns)] ?? Number.NaN))),
        `activations when the product is taken, rule ${rule}`,
      );
    }
  }
  // Eight bits of an 8-bit base lose nothing (a group that holds -128 would).
  if (options.baseBits === 8 && options.symmetric === true)
    same('base_codes', integers(await binding.quantizeQrazor(source, { ...options, bits: 8 }), options.groupSize));
});

/** What the kernels make of x [rows, cols]: a product with the identity shows it. */
async function razoredActivations(x: ArrayLike<number>, rows: number, cols: number, options: QrazorOptions, rule: 'qllm' | 'original'): Promise<Float64Array> {
  const { groupSize, baseBits, bits } = options;
  const weight = await binding.createWeight({
    codec: 'qrazor',
    rows: cols,
    cols,
    groupSize,
    axis: 'inputs',
    baseBits: 8,
    bits: 8,
    codes: Int8Array.from({ length: cols * cols }, (_, at) => (at % (cols + 1) === 0 ? 1 : 0)),
    shifts: new Uint8Array((cols * cols) / groupSize),
    scale: new Float32Array(cols).fill(1),
    activations: { kind: 'razored', bits: bits === 4 ? 4 : 8, baseBits, groupSize, rule },
  });
  return Float64Array.from(await weight.matmul(Float32Array.from(x), rows));
}

/** code * 2^shift */
function integers({ codes, shifts }: QrazorResult, groupSize: number): Float64Array {
  return Float64Array.from(codes, (code, at) => code * 2 ** (shifts[Math.floor(at / groupSize)] ?? Number.NaN));
}
