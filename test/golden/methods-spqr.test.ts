// SpQR's solver against the reference: order of columns, threshold, outliers, codes, both levels of scales and zeros, restored weights and the error of the
// layer's output. Outputs of the reference lie in the order of columns that it works in.
import assert from 'node:assert/strict';
import type { SpqrOptions, SpqrResult } from '@quantwright/native/binding';
import { goldenBinding } from './binding.ts';
import { type GoldenCase, goldenTensor } from './cases.ts';
import { observedHessian, outputError } from './layer-output.ts';
import { runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();

function optionsOf({ params }: GoldenCase): SpqrOptions {
  const threshold = params['outlier_relative_threshold'];
  return {
    bits: Number(params['bits']) as SpqrOptions['bits'],
    groupSize: Number(params['groupsize']),
    symmetric: params['sym'] === true,
    roundZero: params['round_zero'] === true,
    scaleBits: Number(params['qq_scale_bits'] ?? 0),
    zeroBits: Number(params['qq_zero_bits'] ?? 0),
    zeroSymmetric: params['qq_zero_sym'] === true,
    statGroup: Number(params['qq_groupsize']),
    simplifiedOutliers: params['simplified_outliers'] === true,
    ...(typeof threshold === 'number' ? { outlierThreshold: threshold } : {}),
    statType: 'f32',
    valueType: 'f32',
  };
}

runGoldenCases('spqr', async ({ golden, tensors, same }) => {
  const weight = goldenTensor(tensors, 'in.weight');
  const x = goldenTensor(tensors, 'in.x');
  const [rows = 0, cols = 0] = weight.shape;
  const [samples = 0, length = 0] = x.shape;
  const hessian = await observedHessian(binding, Float32Array.from(x.data), samples * length, cols);
  const factor = await binding.factorHessian(hessian, cols, {
    scale: 2 / samples,
    dampPercent: Number(golden.params['percdamp']),
    descAct: golden.params['permutation_order'] === 'act_order',
    dampFirst: true,
  });
  const options = optionsOf(golden);
  const data = new Uint8Array(Float32Array.from(weight.data).buffer);
  const result = await binding.quantizeSpqr({ type: 'f32', rows, cols, data }, factor, options);
  const restored = dequantize(result, rows, cols);
  const outliers = outlierMask(result, rows, cols);
  same('perm', factor.order);
  if (Number.isFinite(result.threshold)) same('outlier_threshold', [result.threshold]);
  same('outlier_mask_permuted', inOrder(outliers, factor.order, rows));
  same('codes_permuted', inOrder(result.codes, factor.order, rows));
  same('dequant', restored);
  same('sq_output_error', [outputError(weight.data, restored, hessian, rows, cols)]);
  if (options.scaleBits > 0) {
    same('q_scale', byGroup(result.scaleLevels, rows, result.groups));
    same('q_zero', byGroup(result.zeroLevels, rows, result.groups));
  }
  const rate = result.columns.length / (rows * cols);
  assert.ok(Math.abs(rate - Number(golden.params['outlier_rate'])) <= 0.002, `${rate} of the weights are outliers`);
  // The reference counts 16 bits for a scale or zero that is not quantized.
  if (options.scaleBits > 0) assert.ok(Math.abs(result.averageBits - Number(golden.params['avg_bits'])) < 0.064, `${result.averageBits} bits a weight`);
});

function dequantize({ codes, scale, zero, gIdx, groups, rowBegin, columns, values }: SpqrResult, rows: number, cols: number): Float32Array {
  const out = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      const at = row * groups + (gIdx[col] ?? 0);
      out[row * cols + col] = Math.fround((codes[row * cols + col] ?? 0) - (zero[at] ?? 0)) * (scale[at] ?? 0);
    }
    for (let at = rowBegin[row] ?? 0; at < (rowBegin[row + 1] ?? 0); at++)
      out[row * cols + (columns[at] ?? 0)] = (out[row * cols + (columns[at] ?? 0)] ?? 0) + (values[at] ?? 0);
  }
  return out;
}

function outlierMask({ rowBegin, columns }: SpqrResult, rows: number, cols: number): Uint8Array {
  const mask = new Uint8Array(rows * cols);
  for (let row = 0; row < rows; row++) for (let at = rowBegin[row] ?? 0; at < (rowBegin[row + 1] ?? 0); at++) mask[row * cols + (columns[at] ?? 0)] = 1;
  return mask;
}

/** [rows, cols], columns in the order of the factor. */
function inOrder(values: Uint8Array, order: Int32Array, rows: number): Uint8Array {
  const cols = order.length;
  return Uint8Array.from({ length: rows * cols }, (_, at) => values[Math.floor(at / cols) * cols + (order[at % cols] ?? 0)] ?? 0);
}

/** [rows, groups] -> [groups, rows] */
function byGroup(levels: Uint8Array, rows: number, groups: number): Uint8Array {
  return Uint8Array.from({ length: levels.length }, (_, at) => levels[(at % rows) * groups + Math.floor(at / rows)] ?? 0);
}
