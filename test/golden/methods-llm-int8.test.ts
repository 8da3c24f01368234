// LLM.int8() against bitsandbytes: the weights that the method rounds and the layout stores, which columns are outliers, how the others are rounded,
// the integer accumulators, and the outputs. What the kernel has inside is read off products with weights made for it.
import assert from 'node:assert/strict';
import { plainActivations } from '@quantwright/engine/checkpoint/activations';
import { parseQuantization } from '@quantwright/engine/checkpoint/quantized/config';
import { readLinear } from '@quantwright/engine/checkpoint/quantized/linear';
import { mapTensors } from '@quantwright/engine/checkpoint/quantized/testing/stored-tensors';
import { llmInt8 } from '@quantwright/engine/methods/llm_int8/method';
import { bitsandbytesLayout } from '@quantwright/engine/pipeline/layouts/bitsandbytes';
import type { ModulePlan } from '@quantwright/engine/pipeline/layouts/layout';
import { goldenBinding } from './binding.ts';
import { goldenTensor } from './cases.ts';
import { runGoldenCases } from './outcome.ts';

const binding = await goldenBinding();
const module = 'model.layers.0.self_attn.q_proj';

runGoldenCases('llm_int8', async ({ golden, tensors, same, context }) => {
  const threshold = Number(golden.params['threshold']);
  const [x, w] = [goldenTensor(tensors, 'in.x'), goldenTensor(tensors, 'in.weight')];
  const [[m = 0, cols = 0], [rows = 0]] = [x.shape, w.shape];
  const values = Float32Array.from(x.data);

  const plan: ModulePlan = {
    module,
    block: 0,
    rows,
    cols,
    activations: { ...plainActivations, rule: 'llm_int8', threshold },
    scheme: {
      weights: { dtype: 'int', bits: 8, signed: true, symmetric: true, groupSize: -1, zeroPoint: 'none', descAct: false, staticGroups: false },
      dialect: llmInt8.defaultDialect,
      mseSearch: false,
      fullRange: false,
      scaleType: 'f32',
    },
  };
  const source = { type: 'f32', rows, cols, data: new Uint8Array(Float32Array.from(w.data).buffer) } as const;
  const matrix = await llmInt8.quantizeModule(binding, source, plan.scheme);
  const bytes = await bitsandbytesLayout.pack(binding, plan, matrix);
  const [codes = new Uint8Array(), maxima = new Uint8Array()] = bytes;
  same('CB', new Int8Array(codes.buffer, codes.byteOffset, codes.length));
  same('SCB', new Float32Array(maxima.buffer, maxima.byteOffset, rows));

  const stored = bitsandbytesLayout.tensors(plan).map(({ suffix, dtype, shape }, index) => {
    return { name: `${module}.${suffix}`, dtype, shape, data: bytes[index] ?? new Uint8Array() };
  });
  const config = parseQuantization({ quant_method: 'bitsandbytes', load_in_8bit: true, llm_int8_threshold: threshold }, 'config.json');
  const { spec } = await readLinear(await mapTensors(context, stored, binding), { module, rows, cols }, config, binding);
  const weight = await binding.createWeight(spec);
  const y = await weight.matmul(values, m);

  // Products with the identity are the activations as they are multiplied: CA SCA / 127, and x itself in outlier columns.
  const unit = await binding.createWeight({
    codec: 'w8a8',
    rows: cols,
    cols,
    groupSize: -1,
    codes: Int8Array.from({ length: cols * cols }, (_, at) => (at % (cols + 1) === 0 ? 1 : 0)),
    scale: new Float32Array(cols).fill(1),
    zero: new Float32Array(cols),
    scaleType: 'f32',
    activations: { kind: 'outliers', threshold },
  });
  const seen = await unit.matmul(values, m);
  const expected = goldenTensor(tensors, 'out.CA').data;
  const at = (i: number, k: number): number => seen[i * cols + k] ?? 0;
  const rowsOfX = Array.from({ length: m }, (_, i) => i);
  const columns = Array.from({ length: cols }, (_, k) => k);
  const scales = rowsOfX.map((i) => {
    const k = columns.reduce((best, one) => (Math.abs(expected[i * cols + one] ?? 0) > Math.abs(expected[i * cols + best] ?? 0) ? one : best), 0);
    return (127 * at(i, k)) / (expected[i * cols + k] ?? 0);
  });
  same('SCA', scales);
  // Rounded values end at the scale.
  const outliers = columns.filter((k) => rowsOfX.some((i) => Math.abs(at(i, k)) > (scales[i] ?? 0) * 1.02));
  if (tensors.has('out.outlier_cols')) same('outlier_cols', outliers);
  else assert.deepEqual(outliers, []);
  const multiplied = rowsOfX.flatMap((i) => columns.map((k) => (outliers.includes(k) ? 0 : (127 * at(i, k)) / (scales[i] ?? 0))));
  assert.ok(
    multiplied.every((code) => Math.abs(code - Math.round(code)) < 1e-3),
    'columns that are no outliers are multiplied as integers',
  );
  same('CA', multiplied.map(Math.round));

  // Without bias and outlier columns, an output is its accumulator times both scales.
  const dequantized = await weight.dequantize();
  const accumulators = rowsOfX.flatMap((i) =>
    Array.from({ length: rows }, (_, row) => {
      const kept = outliers.reduce((sum, k) => sum + (values[i * cols + k] ?? 0) * (dequantized[row * cols + k] ?? 0), 0);
      return Math.round(((y[i * rows + row] ?? 0) - kept) / (((scales[i] ?? 0) / 127) * (matrix.scale[row] ?? 0)));
    }),
  );
  same('acc_int32', accumulators);

  const bias = tensors.has('in.bias') ? goldenTensor(tensors, 'in.bias').data : null;
  same(
    'y_exact_math_f64',
    y.map((value, index) => value + (bias?.[index % rows] ?? 0)),
  );
});
