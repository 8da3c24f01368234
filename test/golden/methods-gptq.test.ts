// GPTQ against AutoGPTQ's solver: codes, grids, order of columns, loss, and the error of the layer's output.

import assert from 'node:assert/strict';
import { dequantize } from '@quantwright/engine/commands/tensor';
import { gptq } from '@quantwright/engine/methods/gptq/method';
import { hessianInputs } from '@quantwright/engine/methods/hessian';
import type { ModuleScheme } from '@quantwright/engine/methods/method';
import { goldenBinding } from './binding.ts';
import { type GoldenCase, goldenTensor } from './cases.ts';
import { observedHessian, outputError } from './layer-output.ts';
import { runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();

function schemeOf({ params }: GoldenCase): ModuleScheme {
  return {
    weights: {
      dtype: 'int',
      bits: Number(params['bits']),
      signed: false,
      symmetric: params['sym'] === true,
      groupSize: Number(params['group_size']),
      zeroPoint: 'integer',
      descAct: params['act_order'] === true,
      staticGroups: params['static_groups'] === true,
    },
    dialect: 'ist',
    mseSearch: params['mse'] === true,
    fullRange: false,
    scaleType: 'f32',
  };
}

runGoldenCases('gptq', async ({ golden, tensors, same }) => {
  const weight = goldenTensor(tensors, 'in.weight');
  const x = goldenTensor(tensors, 'in.x');
  const [rows = 0, cols = 0] = weight.shape;
  const [samples = 0, length = 0] = x.shape;
  const scheme = schemeOf(golden);
  const hessian = await observedHessian(binding, Float32Array.from(x.data), samples * length, cols);
  if (tensors.has('out.hessian'))
    same(
      'hessian',
      hessian.map((value) => (2 / samples) * value),
    );
  const inputs = hessianInputs(binding, async () => binding.createHessian(hessian, cols), {
    dampPercent: Number(golden.params['percdamp']),
    samples,
    onRaised: () => assert.fail('damping was raised'),
  });
  const data = new Uint8Array(Float32Array.from(weight.data).buffer);
  const matrix = await gptq.quantizeModule(binding, { type: 'f32', rows, cols, data }, scheme, inputs);
  const { loss } = await binding.quantizeGptq({ type: 'f32', rows, cols, data }, await inputs.factor(scheme.weights.descAct), {
    bits: matrix.bits,
    symmetric: matrix.symmetric,
    groupSize: scheme.weights.groupSize,
    mse: scheme.mseSearch,
    staticGroups: scheme.weights.staticGroups,
    scaleType: 'f32',
  });
  same('codes', matrix.codes);
  same('scale', matrix.scale);
  same('zero', matrix.zero);
  same('g_idx', matrix.gIdx ?? Int32Array.from({ length: cols }, (_, column) => Math.floor(column / matrix.groupSize)));
  same('loss', [loss]);
  const error = outputError(weight.data, dequantize(matrix), hessian, rows, cols);
  same('sq_output_error', [error]);
  const nearest = goldenTensor(tensors, 'out.rtn_sq_output_error').data[0] ?? Number.NaN;
  assert.ok(error < nearest, `output error ${error} is not below that of rounding to nearest, ${nearest}`);
});
