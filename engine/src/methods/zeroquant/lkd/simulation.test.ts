// What LKD trains with is what runs: the error that it tells of a block is that of the block as it was written, computed by the kernels that will run it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepareCalibration } from '../../../calibration/prepare.ts';
import { openCheckpoint } from '../../../checkpoint/checkpoint.ts';
import { readJsonObject } from '../../../checkpoint/json-file.ts';
import { mapCheckpoint } from '../../../checkpoint/mapped.ts';
import { readQuantization } from '../../../checkpoint/quantized/config.ts';
import { loadBinding } from '../../../jobs/binding.ts';
import { buildBlock, buildEmbedding } from '../../../model/decoder.ts';
import { checkpointWeights, type ModelWeights } from '../../../model/weights.ts';
import { judgeJob } from '../../../pipeline/judge.ts';
import { workspace } from '../../../pipeline/testing/calibrated-jobs.ts';
import { lkd } from './transform.ts';

const binding = await loadBinding();

for (const [name, weight_format, activations] of [
  ['W4A4', 'int4', { bits: 4 }],
  ['W4A8', 'int4', { bits: 8 }],
  ['W4A4 with zero points', 'uint4', { bits: 4, symmetric: false }],
  ['ternary weights and 8-bit activations', 'int2', { bits: 8 }],
  ['signs and 8-bit activations', 'uint1', { bits: 8 }],
  ['signs and float activations', 'uint1', null],
] as const) {
  test(`${name}: the loss in the end is the squared error of the written block`, async (t) => {
    const work = await workspace(t);
    const model = await work.model(1);
    const config = {
      quant_method: 'zeroquant',
      weight_format,
      ...(activations === null ? { compute_method: 'weight_only' } : { activations }),
      zeroquant: { lkd: { steps: 10, learning_rate: 3e-4, batch_size: 3 } },
      calibration: { dataset: 'text.txt', samples: 8, sequence_length: 24 },
    };
    const { outDir, result } = await work.quantize(model, config);
    const training = result.training?.[0] ?? assert.fail('no training was told');
    assert.ok(training.after < training.before);
    const configPath = join(work.root, 'a.quant.json');
    const { recipe } = await judgeJob(configPath, model);
    const { config: shape, sequences } = await prepareCalibration(recipe, lkd, { modelDir: model, configPath });
    const weightsOf = async (directory: string): Promise<ModelWeights> => {
      const mapped = mapCheckpoint(await openCheckpoint(directory), binding);
      t.after(() => mapped.close());
      return checkpointWeights(mapped, await readQuantization(directory, await readJsonObject(join(directory, 'config.json'), 1e6)), binding);
    };
    const [original, written] = [await weightsOf(model), await weightsOf(outDir)];
    const embedding = binding.createTape({ program: await buildEmbedding(shape, original), replaced: [], wanted: [] });
    const [teacher, student] = [await buildBlock(shape, original, 0), await buildBlock(shape, written, 0)].map((program) => binding.createProgram(program));
    assert.ok(teacher !== undefined && student !== undefined);
    let [error, elements] = [0, 0];
    for (const ids of sequences) {
      const states = await embedding.forward(ids, Int32Array.of(ids.length), false);
      const wanted = await teacher.run(teacher.createSession(ids.length, 'f32'), states, 'all');
      const given = await student.run(student.createSession(ids.length, 'f32'), states, 'all');
      for (const [at, value] of given.entries()) error += (value - (wanted[at] ?? 0)) ** 2;
      elements += given.length;
    }
    t.diagnostic(`${training.before.toExponential(3)} -> ${training.after.toExponential(3)}, written ${(error / elements).toExponential(3)}`);
    assert.ok(Math.abs(error / elements / training.after - 1) < 0.01);
  });
}
