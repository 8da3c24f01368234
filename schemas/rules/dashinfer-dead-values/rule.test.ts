// QC015: values DashInfer lets pass and cannot load.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, fixed } from '../../testing/checking.ts';

const IQ = { quant_method: 'instant_quant', weight_format: 'int8' };
const place = { file: 'dashinfer.json' };

/** [dead, alive, support rule] */
const CASES: readonly (readonly [object, object, string])[] = [
  [{ quant_method: 'instant_quant' }, IQ, 'DI-01'],
  [{ ...IQ, weight_format: 'i8' }, IQ, 'DI-02'],
  [{ ...IQ, weight_format: 'int4' }, { ...IQ, weight_format: 'uint4' }, 'DI-03'],
  [{ ...IQ, weight_format: 'uint8' }, IQ, 'DI-03'],
  [{ ...IQ, quant_method: 'iq' }, IQ, 'DI-04'],
  [{ ...IQ, weight_format: 'uint4', compute_method: 'activate_quant' }, { ...IQ, weight_format: 'uint4', compute_method: 'weight_only' }, 'DI-06'],
  [{ ...IQ, compute_method: 'activate_quant', group_size: 128 }, { ...IQ, compute_method: 'activate_quant', group_size: -1 }, 'DI-07'],
  [{ ...IQ, weight_format: 'fp8_e4m3' }, { ...IQ, weight_format: 'fp8_e4m3', compute_method: 'activate_quant' }, 'DI-08b'],
  [{ ...IQ, group_size: 32 }, { ...IQ, group_size: 64 }, 'DI-09'],
];

for (const [dead, alive, rule] of CASES) {
  test(`${rule}: ${JSON.stringify(dead)} becomes ${JSON.stringify(alive)}`, () => {
    assert.equal(findings('QC015', dead, place)[0]?.supportRule, rule);
    assert.deepEqual(fixed('QC015', dead, place), alive);
  });
}

test('our own file is judged for DashInfer only when that is the target', () => {
  const config = { ...IQ, weight_format: 'uint8' };
  assert.deepEqual(findings('QC015', config), []);
  assert.deepEqual(findings('QC015', config, { runtime: 'quantwright' }), []);
  assert.equal(findings('QC015', config, { runtime: 'dashinfer' }).length, 1);
});
