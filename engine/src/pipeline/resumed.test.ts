// A job that was killed goes on to the bytes of one that was not: what is on the disk at any moment of a run is taken as what a killed run left.
import assert from 'node:assert/strict';
import { cpSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadBinding } from '../jobs/binding.ts';
import { quantizeModel } from './quantize.ts';
import { workspace } from './testing/calibrated-jobs.ts';

const binding = await loadBinding();
const small = { calibration: { dataset: 'text.txt', samples: 6, sequence_length: 24 } };

const jobs = [
  { weight_format: 'uint4', group_size: 32, desc_act: true, save_format: 'gptq' },
  { weight_format: 'int4', group_size: 32, true_sequential: true, save_format: 'compressed-tensors' },
  { weight_format: 'uint3', group_size: 43, scale_type: 'bfloat16', save_format: 'quantwright', lm_head: true, ignore: ['re:.*down_proj'] },
  // Too little text for so little damping: that it was raised is told by the run that finishes.
  { weight_format: 'uint8', group_size: 16, damp_percent: 1e-9, save_format: 'gptq_v2', calibration: { dataset: 'text.txt', samples: 1, sequence_length: 24 } },
  // Outliers, whose number is known only once a block is done.
  { quant_method: 'spqr', weight_format: 'uint3', target_bits: 4.2 },
  { quant_method: 'spqr', weight_format: 'uint2', group_size: 32, true_sequential: true, spqr: { outlier_threshold: 0.5 } },
];

for (const job of jobs) {
  test(`${JSON.stringify(job)}: stopped anywhere, it goes on to the same bytes and the same report`, async (t) => {
    const work = await workspace(t);
    const model = await work.model(3);
    const config = { ...small, ...job };
    const killed: string[] = [];
    let events = 0;
    const whole = await work.quantize(model, config, {
      // Of all moments, some in every block: before, between and behind its modules, and while sequences run on.
      onProgress: (event) => {
        if ((event.phase !== 'module' && event.phase !== 'calibrate') || events++ % 5 !== 3) return;
        const left = join(work.root, `killed${events}`);
        cpSync(join(work.root, 'out1.partial'), `${left}.partial`, { recursive: true });
        killed.push(left);
      },
    });
    assert.ok(killed.length >= 5);
    for (const outDir of killed) {
      const params = { modelDir: model, configPath: join(work.root, 'a.quant.json'), outDir, resume: true };
      const result = await quantizeModel(params, { loadBinding: async () => binding });
      assert.deepEqual(readdirSync(outDir).sort(), readdirSync(whole.outDir).sort());
      for (const name of readdirSync(whole.outDir)) {
        assert.ok((await readFile(join(outDir, name))).equals(await readFile(join(whole.outDir, name))), `${outDir} ${name}`);
      }
      assert.deepEqual(result.modules, whole.result.modules);
      assert.deepEqual(result.warnings, whole.result.warnings);
    }
  });
}
