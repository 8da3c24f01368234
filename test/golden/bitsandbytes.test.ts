// bitsandbytes 4-bit: what the reference dequantizes is what the reader and the kernels compute on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuantization } from '@quantwright/engine/checkpoint/quantized/config';
import { readLinear } from '@quantwright/engine/checkpoint/quantized/linear';
import { mapTensors } from '@quantwright/engine/checkpoint/quantized/testing/stored-tensors';
import type { NativeBinding } from '@quantwright/native/binding';
import { goldenBinding } from './binding.ts';
import { goldenCases, goldenTensor, goldenTensors } from './cases.ts';
import { compareWith } from './tolerance.ts';

const binding: NativeBinding = await goldenBinding();
const module = 'model.layers.0.self_attn.q_proj';
const { cases } = goldenCases('bnb_4bit');
if (cases.length === 0) test('golden vectors of bitsandbytes', { skip: '../shared/golden is not here' }, () => {});

for (const golden of cases) {
  test(`${golden.case}: the reader gives the weights that bitsandbytes dequantizes`, async (t) => {
    const tensors = goldenTensors(golden);
    const { quant_type: type, blocksize, double_quant: nested, nested_blocksize: size } = golden.params;
    const expected = goldenTensor(tensors, nested === true ? 'out.dequant_nested' : 'out.dequant');
    const [rows = 0, cols = 0] = expected.shape;
    const offset = nested === true ? { nested_blocksize: size, nested_offset: goldenTensor(tensors, 'out.nested_offset').data[0] } : {};
    const state = new TextEncoder().encode(JSON.stringify({ quant_type: type, blocksize, shape: [rows, cols], dtype: 'float32', ...offset }));
    const plan: readonly (readonly [string, string, 'U8' | 'F32'])[] = [
      ['weight', 'out.packed', 'U8'],
      ['weight.quant_map', 'out.code', 'F32'],
      ...(nested === true
        ? ([
            ['weight.absmax', 'out.absmax_uint8', 'U8'],
            ['weight.nested_absmax', 'out.nested_absmax', 'F32'],
            ['weight.nested_quant_map', 'out.nested_quant_map', 'F32'],
          ] as const)
        : ([['weight.absmax', 'out.absmax', 'F32']] as const)),
    ];
    const mapped = await mapTensors(
      t,
      [
        ...plan.map(([name, from, dtype]) => {
          const { shape, data } = goldenTensor(tensors, from);
          return { name: `${module}.${name}`, dtype, shape, data: dtype === 'U8' ? Uint8Array.from(data) : data };
        }),
        { name: `${module}.weight.quant_state.bitsandbytes__${String(type)}`, dtype: 'U8', shape: [state.length], data: state },
      ],
      binding,
    );
    const config = parseQuantization({ quant_method: 'bitsandbytes', load_in_4bit: true }, 'config.json');
    const { spec } = await readLinear(mapped, { module, rows, cols }, config, binding);
    const weight = await binding.createWeight(spec);
    const result = compareWith({ rule: 'allclose', rtol: 1e-5, atol: 1e-7 }, await weight.dequantize(), expected.data);
    assert.ok(result.ok, result.detail);
    // One row of x alone, and more than the streaming kernels take.
    for (const m of [1, 12]) {
      const x = Float32Array.from({ length: m * cols }, (_, index) => Math.sin(index));
      const y = await weight.matmul(x, m);
      for (const [index, value] of y.entries()) {
        const [row, at] = [index % rows, Math.floor(index / rows) * cols];
        let [sum, bound] = [0, 0];
        for (let k = 0; k < cols; k += 1) {
          const product = (expected.data[row * cols + k] ?? 0) * (x[at + k] ?? 0);
          sum += product;
          bound += Math.abs(product);
        }
        assert.ok(Math.abs(value - sum) <= 1e-5 * bound, `m ${m}, output ${index}: ${value}, ${sum}`);
      }
    }
  });
}
