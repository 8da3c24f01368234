// Settings cost time, never a bit: the Hessians, and the codes made of them, are the same however hidden states, restored matrices and Hessians are held.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Weight } from '@quantwright/native/binding';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { readJsonObject } from '../checkpoint/json-file.ts';
import { mapCheckpoint } from '../checkpoint/mapped.ts';
import { EngineError } from '../errors.ts';
import { loadBinding } from '../jobs/binding.ts';
import { affineWeight } from '../methods/affine.ts';
import { gptq } from '../methods/gptq/method.ts';
import type { ModuleScheme } from '../methods/method.ts';
import { type ModelConfig, parseModelConfig } from '../model/config.ts';
import { checkpointWeights } from '../model/weights.ts';
import { modelSource } from '../pipeline/source.ts';
import { workspace } from '../pipeline/testing/calibrated-jobs.ts';
import { type CalibrationBlocks, createCalibrationBlocks } from './blocks.ts';
import { inFull } from './in-full.ts';
import type { CalibrationSettings } from './memory.ts';
import { quantizeCalibratedBlock } from './quantize-block.ts';

const binding = await loadBinding();
const sequences = Array.from({ length: 9 }, (_, sequence) => Int32Array.from({ length: 20 + sequence }, (_, index) => (sequence * 991 + index * 337) % 8192));
const scheme: ModuleScheme = {
  weights: { dtype: 'int', bits: 4, signed: false, symmetric: false, groupSize: 32, zeroPoint: 'integer', descAct: true, staticGroups: false },
  ...{ dialect: 'ist', mseSearch: false, fullRange: false, scaleType: 'f32' },
};

/** Codes of every linear, in order. */
async function codes(model: string, directory: string, settings: CalibrationSettings, trueSequential: boolean): Promise<Uint8Array> {
  const checkpoint = await openCheckpoint(model);
  const mapped = mapCheckpoint(checkpoint, binding);
  const config: ModelConfig = parseModelConfig(await readJsonObject(join(model, 'config.json'), 1e6), 'config.json');
  const written = new Map<string, Weight>();
  const spill = settings.spill ? join(directory, 'states') : null;
  const blocks: CalibrationBlocks = await createCalibrationBlocks({
    ...{ binding, mapped, config, sequences, spill, restored: settings.restored },
    written: checkpointWeights(mapped, null, binding, { packed: written }),
  });
  const out: Uint8Array[] = [];
  for (const [layer, linears] of modelSource(config.shape, checkpoint, false).blocks.entries()) {
    await quantizeCalibratedBlock(layer, linears, {
      ...{ binding, blocks, dampPercent: 0.01, trueSequential, together: settings.together, last: false },
      quantize: async ({ module }, inputs) => {
        const matrix = await gptq.quantizeModule(binding, mapped.dense(`${module}.weight`), scheme, inputs);
        out.push(new Uint8Array(matrix.codes));
        written.set(module, await inFull(binding, await binding.createWeight(affineWeight(matrix)), settings.restored));
      },
    });
  }
  if (spill !== null) assert.ok(existsSync(spill));
  await blocks.close();
  mapped.close();
  if (spill !== null) assert.ok(!existsSync(spill));
  return Buffer.concat(out);
}

test('whatever the settings, the codes are the same', async (t) => {
  const work = await workspace(t);
  const model = await work.model(3);
  for (const trueSequential of [false, true]) {
    const wanted = await codes(model, work.root, { spill: false, restored: 'whole', together: true }, trueSequential);
    for (const settings of [
      { spill: true, restored: 'whole', together: true },
      { spill: false, restored: 'bands', together: true },
      { spill: true, restored: 'bands', together: false },
    ] as const)
      assert.ok(Buffer.from(await codes(model, work.root, settings, trueSequential)).equals(wanted), JSON.stringify({ settings, trueSequential }));
  }
});

test('an input that is not finite is told with its block and its reader', async (t) => {
  const work = await workspace(t);
  const model = await work.model(2);
  const mapped = mapCheckpoint(await openCheckpoint(model), binding);
  const config = parseModelConfig(await readJsonObject(join(model, 'config.json'), 1e6), 'config.json');
  const blocks = await createCalibrationBlocks({ binding, mapped, config, sequences, written: checkpointWeights(mapped, null, binding) });
  const [rows, cols] = [96, 64];
  const values = new Float32Array(rows * cols).fill(0.1);
  values[5 * cols] = Number.NaN;
  const damaged = await binding.createWeight({ codec: 'dense', type: 'f32', rows, cols, data: new Uint8Array(values.buffer) });
  const changed = new Map([['model.layers.1.mlp.up_proj', damaged]]);
  await blocks.hessians(1, ['attention', 'mlp'], changed);
  await assert.rejects(blocks.hessians(1, ['down_proj'], changed), (error) => {
    assert.ok(error instanceof EngineError && error.kind === 'checkpoint');
    assert.match(error.message, /^block 1: what down_proj reads is not a finite number \(NaN or infinity\) at input 5 for the calibration text/);
    return true;
  });
});
