// AWQ's searches against the reference: magnitudes, the loss of every scale that is tried, the scale that is taken, the clip of every group, and the weights that
// come out; and Neural Compressor's variant of both searches.
import assert from 'node:assert/strict';
import { type ScaleGrid, scaleAt, searchScale } from '@quantwright/engine/methods/awq/scales';
import type { DenseSource, ProgramSpec, RtnOptions } from '@quantwright/native/binding';
import { goldenBinding } from './binding.ts';
import { type GoldenTensor, goldenTensor } from './cases.ts';
import { type CaseCheck, runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();

runGoldenCases('awq', (check) => (check.golden.params['variant'] === 'inc' ? checkInc(check) : checkAutoAwq(check)));

async function checkAutoAwq({ golden, tensors, same }: CaseCheck): Promise<void> {
  const { params } = golden;
  const rounding: RtnOptions = {
    dialect: 'awq',
    bits: Number(params['bits']) as 3 | 4,
    symmetric: params['zero_point'] !== true,
    groupSize: Number(params['group_size']),
    scaleType: 'f32',
  };
  const x = dense(goldenTensor(tensors, 'in.x'));
  const [gate, up, down] = ['in.w_gate', 'in.w_up', 'in.w_down'].map((name) => (tensors.has(name) ? dense(goldenTensor(tensors, name)) : null));
  const scaled = gate && up ? [gate, up] : [dense(goldenTensor(tensors, 'in.w0'))];
  const values = goldenTensor(tensors, 'in.x').data as Float32Array;
  const inputs = await binding.columnMagnitudes(x, 'mean');
  same('x_mean', inputs);
  const rows = scaled.reduce((sum, one) => sum + one.rows, 0);
  const meansOf = async (matrices: readonly DenseSource[]): Promise<Float32Array> => {
    const means = new Float32Array(x.cols);
    for (const one of matrices) {
      const sums = await binding.awqWeightSums(one, { groupSize: rounding.groupSize, epsilon: 1e-6 });
      for (const [channel, sum] of sums.entries()) means[channel] = (means[channel] ?? 0) + sum / rows;
    }
    return means;
  };
  const duo = params['duo_scaling'] === true;
  const gridOf = async (matrices: readonly DenseSource[]): Promise<ScaleGrid> => ({
    inputs,
    weights: duo ? await meansOf(matrices) : null,
    variant: 'autoawq',
  });
  // On a CPU the copy of the weights that the reference goes back to after every try is the weights themselves, so that the first try, ratio 0, stays in them:
  // with duo_scaling every later one is measured against what they were before, and ratio 0 wins. The file has that scale, and beside it the losses of a search
  // that begins with the weights so left. Without duo_scaling the first try is 1 and nothing of this happens.
  const ours = scaleAt(await gridOf(scaled), 0);
  // From here on with the file's own bits: a weight between two codes falls to either side by the last of them.
  const first = duo ? (goldenTensor(tensors, 'out.best_scales').data as Float32Array) : ours;
  const left = await Promise.all(scaled.map(async (one) => matrix(await binding.editMatrix(one, { columns: first }), one.rows, one.cols)));
  same('w_mean', await meansOf(left));
  const outputWith = async (matrices: readonly DenseSource[]): Promise<Float32Array> => {
    const [one = assert.fail(), second] = await Promise.all(matrices.map((one) => binding.createWeight({ codec: 'dense', ...one })));
    if (second === undefined || !down) return one.matmul(values, x.rows);
    const spec: ProgramSpec = {
      input: 'hidden',
      values: [x.cols, one.rows, one.rows, one.rows, down.rows],
      body: [
        { op: 'linear', in: 0, out: 1, weight: one },
        { op: 'linear', in: 0, out: 2, weight: second },
        { op: 'silu_mul', gate: 1, up: 2, out: 3 },
        { op: 'linear', in: 3, out: 4, weight: await binding.createWeight({ codec: 'dense', ...down }) },
      ],
      head: [],
      output: 4,
    };
    const program = binding.createProgram(spec);
    return program.run(program.createSession(x.rows, 'f32'), values, 'all');
  };
  const wanted = await outputWith(left);
  const means = { x: goldenTensor(tensors, 'out.x_mean').data as Float32Array, w: goldenTensor(tensors, 'out.w_mean').data as Float32Array };
  const grid: ScaleGrid = { inputs: means.x, weights: duo ? means.w : null, variant: 'autoawq' };
  const found = await searchScale(grid, Number(params['n_grid']), async (scale) => {
    const rounded = await Promise.all(left.map(async (one) => matrix(await binding.awqFakeQuantize(one, scale, rounding), one.rows, one.cols)));
    return binding.meanSquaredError(await outputWith(rounded), wanted);
  });
  sameLosses(found.history, goldenTensor(tensors, 'out.loss_history'));
  assert.ok(Math.abs(found.ratio - (goldenTensor(tensors, 'out.best_ratio').data[0] ?? Number.NaN)) < 1e-6, `${found.ratio}`);
  same('best_scales', duo ? ours : found.scale);
  const clip = params['clip'] as { readonly n_grid: number; readonly max_shrink: number; readonly n_sample_token: number } | null;
  if (clip === null) return;
  const edited = dense(goldenTensor(tensors, 'out.clip_weight_in'));
  assert.ok(x.rows < 2 * clip.n_sample_token, 'every token is looked at');
  const divided = await binding.editMatrix(x, { columns: first.map((by) => 1 / by) });
  const limits = await binding.awqClip(edited, divided, rounding, { grid: clip.n_grid, maxShrink: clip.max_shrink });
  same('clip_max_val', limits);
  const clipped = matrix(await binding.editMatrix(edited, { clip: { groupSize: rounding.groupSize, limits } }), edited.rows, edited.cols);
  const ones = new Float32Array(edited.cols).fill(1);
  same('final_dequant', await binding.awqFakeQuantize(clipped, ones, rounding));
}

async function checkInc({ golden, tensors, same }: CaseCheck): Promise<void> {
  const { params } = golden;
  const w = dense(goldenTensor(tensors, 'in.weight'));
  const rounding: RtnOptions = {
    dialect: 'inc',
    bits: Number(params['bits']) as 4,
    symmetric: params['scheme'] === 'sym',
    groupSize: Number(params['group_size']),
    scaleType: 'f32',
  };
  const samples = goldenTensor(tensors, 'in.x');
  const x = dense(samples);
  const weight = await binding.createWeight({ codec: 'dense', ...w });
  const values = samples.data as Float32Array;
  const sums = await binding.awqWeightSums(w, { groupSize: rounding.groupSize, epsilon: 0 });
  const weights = Float32Array.from(sums, (sum) => sum / w.rows);
  const inputs = await binding.columnMagnitudes(x, 'mean');
  close('w_scale', weights, goldenTensor(tensors, 'out.w_scale'));
  close('x_scale', inputs, goldenTensor(tensors, 'out.x_scale'));
  // The reference adds up the means of its samples, which have one length here.
  const wanted = await weight.matmul(values, x.rows);
  const lossOf = async (made: Float32Array, read = values): Promise<number> => {
    const rounded = await binding.createWeight({ codec: 'dense', ...matrix(made, w.rows, w.cols) });
    return (samples.shape[0] ?? 0) * (await binding.meanSquaredError(await rounded.matmul(read, x.rows), wanted));
  };
  const found = await searchScale({ inputs, weights, variant: 'inc' }, Number(params['n_grid']), async (scale) =>
    lossOf(await binding.awqFakeQuantize(w, scale, rounding)),
  );
  same('loss_history', found.history);
  same('best_scales', found.scale);
  assert.ok(Math.abs(found.ratio - (goldenTensor(tensors, 'out.best_ratio').data[0] ?? Number.NaN)) < 1e-6);
  assert.deepEqual(scaleAt({ inputs, weights, variant: 'inc' }, found.ratio), found.scale);
  // One clip ratio for the matrix, chosen behind the scales.
  const edited = matrix(await binding.editMatrix(w, { columns: found.scale }), w.rows, w.cols);
  const divided = await binding.editMatrix(x, { columns: found.scale.map((by) => 1 / by) });
  const ones = new Float32Array(w.cols).fill(1);
  const history: number[] = [];
  let best: { loss: number; ratio: number; made: Float32Array } = { loss: Number.POSITIVE_INFINITY, ratio: 1, made: new Float32Array() };
  for (let step = 0; step < Number(params['clip_max_shrink']) * Number(params['clip_n_grid']); step++) {
    const ratio = 1 - step / Number(params['clip_n_grid']);
    const made = await binding.awqFakeQuantize(edited, ones, { ...rounding, quantile: ratio });
    const loss = await lossOf(made, divided);
    history.push(loss);
    if (loss < best.loss) best = { loss, ratio, made };
  }
  close('clip_loss_history', history, goldenTensor(tensors, 'out.clip_loss_history'), 1e-3);
  assert.ok(Math.abs(best.ratio - (goldenTensor(tensors, 'out.best_clip_ratio').data[0] ?? Number.NaN)) < 1e-6);
  const final = goldenTensor(tensors, 'out.final_dequant_scaled').data;
  const different = best.made.filter((value, index) => Math.abs(value - (final[index] ?? Number.NaN)) > 1e-4).length;
  assert.ok(different <= 0.01 * final.length, `${different} of ${final.length} weights differ`);
}

/** Within 1e-3, but for one of them within 2e-3: the loss of a small matrix moves by that when one code does, and powers differ between libraries in the last bit. */
function sameLosses(actual: readonly number[], { data }: GoldenTensor): void {
  assert.equal(actual.length, data.length);
  const off = actual.map((loss, step) => Math.abs(loss / (data[step] ?? Number.NaN) - 1)).filter((relative) => !(relative <= 1e-3));
  assert.ok(off.length <= 1 && off.every((relative) => relative <= 2e-3), `${off.length} losses are off: ${off}`);
}

function close(name: string, actual: ArrayLike<number>, { data }: GoldenTensor, rtol = 1e-5): void {
  assert.equal(actual.length, data.length, name);
  for (const [index, value] of data.entries()) {
    assert.ok(
      Math.abs((actual[index] ?? Number.NaN) - value) <= rtol * Math.abs(value) + 1e-7,
      `${name} ${index}: ${actual[index]} where ${value} was expected`,
    );
  }
}

/** The last dimension is that of columns. */
function dense({ shape, data }: GoldenTensor): DenseSource {
  const cols = shape.at(-1) ?? 0;
  return matrix(data as Float32Array, data.length / cols, cols);
}

function matrix(values: Float32Array, rows: number, cols: number): DenseSource {
  return { type: 'f32', rows, cols, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}
