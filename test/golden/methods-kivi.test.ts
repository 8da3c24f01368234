// KIVI against its reference: codes, scales and restored values of groups of keys and values, and whole sessions of prompt and single tokens.
// The reference computed in f32, and so does the cache here (precision f32).
import assert from 'node:assert/strict';
import type { KiviKvCache } from '@quantwright/native/binding';
import { goldenBinding } from './binding.ts';
import { type GoldenCase, goldenTensor } from './cases.ts';
import { type CaseCheck, runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();

function cacheOf({ params }: GoldenCase, residualLength: number): KiviKvCache {
  const bits = (name: string) => Number(params[name] ?? params['bits']) as KiviKvCache['keyBits'];
  return {
    kind: 'kivi',
    keyBits: bits('k_bits'),
    valueBits: bits('v_bits'),
    groupSize: Number(params['group_size']),
    residualLength,
    quantizePrefill: params['prefill_with_quant'] === true,
    precision: 'f32',
  };
}

/** [heads, positions, width] of one sequence <-> [positions, heads, width]. */
function swapped(data: ArrayLike<number>, outer: number, inner: number, width: number): Float32Array {
  const out = new Float32Array(outer * inner * width);
  for (let a = 0; a < outer; a++)
    for (let b = 0; b < inner; b++) for (let c = 0; c < width; c++) out[(b * outer + a) * width + c] = data[(a * inner + b) * width + c] ?? Number.NaN;
  return out;
}

runGoldenCases('kivi', async (check) => (check.tensors.has('in.q') ? session(check) : groups(check)));

/** Everything is packed: behind the positions of the case come so many that none of them is in the window any more. */
async function groups({ golden, tensors, same }: CaseCheck): Promise<void> {
  const x = goldenTensor(tensors, 'in.x');
  const [batch = 0, heads = 0, positions = 0, headDim = 0] = x.shape;
  const keys = golden.case.includes('kivi_k_');
  const groupSize = Number(golden.params['group_size']);
  const restored: number[] = [];
  for (let b = 0; b < batch; b++) {
    const size = heads * positions * headDim;
    const whole = Math.ceil(positions / groupSize) * groupSize;
    const rows = new Float32Array((whole + groupSize) * heads * headDim);
    rows.set(swapped(x.data.slice(b * size, (b + 1) * size), heads, positions, headDim));
    const q = new Float32Array(rows.length);
    const options = { heads, kvHeads: heads, headDim, positions: whole + groupSize, prompt: whole + groupSize };
    const trace = binding.traceKv(cacheOf(golden, groupSize), options, q, rows, rows);
    assert.ok((trace.packed[keys ? 0 : 1] ?? 0) >= positions);
    const read = (keys ? trace.keys : trace.values).slice(0, positions * heads * headDim);
    restored.push(...swapped(read, positions, heads, headDim));
  }
  same('dequant', restored);
  // x' = code * scale + minimum: what was restored and the parameters of the reference give the codes back, when both agree.
  const scale = goldenTensor(tensors, 'out.scale').data;
  const minimum = goldenTensor(tensors, 'out.mn').data;
  const codes = restored.map((value, i) => {
    const d = i % headDim;
    const row = Math.floor(i / headDim);
    const group = keys
      ? (Math.floor(row / positions) * (positions / groupSize) + Math.floor((row % positions) / groupSize)) * headDim + d
      : row * (headDim / groupSize) + Math.floor(d / groupSize);
    return Math.round((value - (minimum[group] ?? Number.NaN)) / (scale[group] ?? Number.NaN));
  });
  same('codes', codes);
}

async function session({ golden, tensors, same }: CaseCheck): Promise<void> {
  const [q, k, v] = ['in.q', 'in.k', 'in.v'].map((name) => goldenTensor(tensors, name));
  assert.ok(q !== undefined && k !== undefined && v !== undefined);
  const [, heads = 0, positions = 0, headDim = 0] = q.shape;
  const kvHeads = k.shape[1] ?? 0;
  const prompt = Number(golden.params['prefill']);
  const residual = Number(golden.params['residual_length']);
  const trace = binding.traceKv(
    cacheOf(golden, residual),
    { heads, kvHeads, headDim, positions, prompt },
    swapped(q.data, heads, positions, headDim),
    swapped(k.data, kvHeads, positions, headDim),
    swapped(v.data, kvHeads, positions, headDim),
  );
  const cut = prompt * heads * headDim;
  same('prefill_out', swapped(trace.out.slice(0, cut), prompt, heads, headDim));
  same('decode_out', swapped(trace.out.slice(cut), positions - prompt, heads, headDim));
  same('final_k_effective', swapped(trace.keys, positions, kvHeads, headDim));
  same('final_v_effective', swapped(trace.values, positions, kvHeads, headDim));
  const lengths: number[] = [];
  for (let step = 1; step <= positions - prompt; step++) {
    const packedKeys = trace.packed[2 * step] ?? Number.NaN;
    const packedValues = trace.packed[2 * step + 1] ?? Number.NaN;
    lengths.push(packedKeys, prompt + step - packedKeys, packedValues, prompt + step - packedValues);
  }
  same('cache_lengths', lengths);
}
