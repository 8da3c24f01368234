// GPTQ on a whole model against the reference's layer loop: the weights and losses of every linear, and the logits of the result. Calibrates on the ids of the
// case through the same block loop as the job. Behind each linear the loop goes on with the reference's codes: a weight halfway between two codes falls to
// either side by the last bit of a sum, and changes a twentieth of the codes two matrices later, so that only equal inputs can be compared.
import assert from 'node:assert/strict';
import { createCalibrationBlocks } from '@quantwright/engine/calibration/blocks';
import { inFull } from '@quantwright/engine/calibration/in-full';
import { type CalibratedLinear, quantizeCalibratedBlock } from '@quantwright/engine/calibration/quantize-block';
import { openCheckpoint } from '@quantwright/engine/checkpoint/checkpoint';
import { readJsonObject } from '@quantwright/engine/checkpoint/json-file';
import { mapCheckpoint } from '@quantwright/engine/checkpoint/mapped';
import { dequantize } from '@quantwright/engine/commands/tensor';
import { gptq } from '@quantwright/engine/methods/gptq/method';
import type { AffineMatrix, ModuleScheme } from '@quantwright/engine/methods/method';
import { parseModelConfig } from '@quantwright/engine/model/config';
import { buildModel } from '@quantwright/engine/model/decoder';
import { checkpointWeights } from '@quantwright/engine/model/weights';
import { modelSource } from '@quantwright/engine/pipeline/source';
import type { NativeBinding, Weight } from '@quantwright/native/binding';
import type { GoldenCase, GoldenTensor } from './cases.ts';
import { goldenTensor } from './cases.ts';
import { compareWith } from './tolerance.ts';

/** Whether the case is one that this file can check. */
export function isGptqCase(golden: GoldenCase): boolean {
  return golden.case.startsWith('e2e_gptq_');
}

export async function checkGptqModel(binding: NativeBinding, golden: GoldenCase, modelDir: string, tensors: ReadonlyMap<string, GoldenTensor>): Promise<void> {
  const { params } = golden;
  const compare = (name: string, rule: string, actual: ArrayLike<number>): void => {
    const result = compareWith(golden.tolerance[rule] ?? assert.fail(`no tolerance for ${rule}`), actual, goldenTensor(tensors, `out.${name}`).data);
    assert.ok(result.ok, `${golden.case} ${name}: ${result.detail}`);
  };
  const config = parseModelConfig(await readJsonObject(`${modelDir}/config.json`, 1e6), 'config.json');
  const checkpoint = await openCheckpoint(modelDir);
  const mapped = mapCheckpoint(checkpoint, binding);
  const written = new Map<string, Weight>();
  const blocks = await createCalibrationBlocks({
    binding,
    mapped,
    written: checkpointWeights(mapped, null, binding, { packed: written }),
    config,
    sequences: rows(goldenTensor(tensors, 'in.calib_ids')),
  });
  const scheme: ModuleScheme = {
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
    mseSearch: false,
    fullRange: false,
    scaleType: 'f32',
  };
  const losses = new Map<string, number>();
  const made = new Map<string, Weight>();
  const source = modelSource(config.shape, checkpoint, false);
  for (const [layer, linears] of source.blocks.entries()) {
    const warnings = await quantizeCalibratedBlock<CalibratedLinear>(layer, linears, {
      binding,
      blocks,
      dampPercent: Number(params['percdamp']),
      trueSequential: params['true_sequential'] === true,
      together: true,
      last: layer === source.blocks.length - 1,
      quantize: async ({ module }, inputs) => {
        const dense = mapped.dense(`${module}.weight`);
        const matrix = await gptq.quantizeModule(binding, dense, scheme, inputs);
        compare(`w.${module}`, 'w.*', dequantize(matrix));
        const { bits, symmetric, groupSize, scaleType, rows: height, cols, codes, scale, zero, gIdx } = matrix;
        const again = await binding.quantizeGptq(dense, await inputs.factor(scheme.weights.descAct), { bits, symmetric, groupSize, scaleType });
        losses.set(module, again.loss);
        const stored = { codec: 'q4', rows: height, cols, groupSize, codes, scale, zero, scaleType } as const;
        const packed = gIdx === undefined ? stored : { ...stored, gIdx };
        made.set(module, await binding.createWeight(packed));
        const theirs = await binding.createWeight({ ...packed, codes: codesOf(goldenTensor(tensors, `out.w.${module}`).data, matrix) });
        written.set(module, await inFull(binding, theirs, 'whole'));
      },
    });
    assert.deepEqual(warnings, []);
  }
  const order = params['loss_order'];
  assert.ok(Array.isArray(order) && order.length === made.size);
  compare(
    'losses',
    'losses',
    order.map((module) => losses.get(String(module)) ?? Number.NaN),
  );
  const program = binding.createProgram(await buildModel(config, checkpointWeights(mapped, null, binding, { packed: made })));
  const logits: number[] = [];
  for (const ids of rows(goldenTensor(tensors, 'in.input_ids'))) logits.push(...(await program.run(program.createSession(ids.length, 'f32'), ids, 'all')));
  compare('logits', 'logits', logits);
}

/** Codes of weights that lie on the grid of `matrix`. */
function codesOf(weights: ArrayLike<number>, { cols, groups, groupSize, scale, zero, gIdx }: AffineMatrix): Uint8Array {
  return Uint8Array.from(weights, (weight, at) => {
    const group = Math.floor(at / cols) * groups + (gIdx?.[at % cols] ?? Math.floor((at % cols) / groupSize));
    const code = weight / (scale[group] ?? Number.NaN) + (zero[group] ?? Number.NaN);
    assert.ok(Math.abs(code - Math.round(code)) < 1e-3, `weight ${at} lies beside the grid`);
    return Math.round(code);
  });
}

function rows({ shape, data }: GoldenTensor): Int32Array[] {
  const [count = 0, length = 0] = shape;
  return Array.from({ length: count }, (_, index) => Int32Array.from(data.subarray(index * length, (index + 1) * length)));
}
