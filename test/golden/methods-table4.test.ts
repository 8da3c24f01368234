// Rounding to NF4 and FP4 against bitsandbytes: packed codes and absmax exact. Neural Compressor's dialect has no vectors; where its arithmetic agrees, so must its values.
import assert from 'node:assert/strict';
import { goldenBinding } from './binding.ts';
import { goldenTensor } from './cases.ts';
import { runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();

runGoldenCases('bnb_4bit', async ({ golden, tensors, same }) => {
  const weight = goldenTensor(tensors, 'in.weight');
  const [rows = 0, cols = 0] = weight.shape;
  const block = Number(golden.params['blocksize']);
  // Blocks of the reference run over the ends of rows: rows of one block each are the same blocks.
  const source = { type: 'f32', rows: (rows * cols) / block, cols: block, data: new Uint8Array(Float32Array.from(weight.data).buffer) } as const;
  const options = { type: golden.params['quant_type'] === 'fp4' ? 'fp4' : 'nf4', groupSize: -1, scaleType: 'f32' } as const;
  const ours = await binding.quantizeTable4(source, { ...options, dialect: 'bitsandbytes' });
  const absmax = goldenTensor(tensors, 'out.absmax').data;
  same('packed', ours.codes);
  same('absmax', ours.scale);
  assert.deepEqual([...ours.values].map(Math.abs), [...goldenTensor(tensors, 'out.code').data].map(Math.abs));
  const inc = await binding.quantizeTable4(source, { ...options, dialect: 'inc' });
  const restored = ({ codes, values, scale }: typeof ours, at: number): number => {
    const byte = codes[at >> 1] ?? 0;
    return (values[at % 2 === 0 ? byte >> 4 : byte & 15] ?? Number.NaN) * (scale[Math.floor(at / block)] ?? Number.NaN);
  };
  let differing = 0;
  for (let at = 0; at < rows * cols; at++) {
    const [a, b] = [restored(ours, at), restored(inc, at)];
    if (Math.abs(a - b) > 1e-6 * (absmax[Math.floor(at / block)] ?? 0)) differing++;
  }
  assert.ok(differing <= 2, `${differing} values differ between the dialects`);
});
