// The plan of calibration at the shape of Llama-2-7B, without a weight: what it takes by default, and what it gives up for a limit, in that order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import { gptq } from '../methods/gptq/method.ts';
import { parseModelConfig } from '../model/config.ts';
import { inputOf } from '../model/observations.ts';
import { phaseBytes } from '../pipeline/memory/phase.ts';
import type { PlannedModule } from '../pipeline/plan.ts';
import { type CalibrationJob, calibrationDemands, calibrationSettings } from './memory.ts';

const mib = 2 ** 20;
const [hidden, inner] = [4096, 11008];
const config = parseModelConfig(
  {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: hidden,
    intermediate_size: inner,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    vocab_size: 32000,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    torch_dtype: 'bfloat16',
  },
  'config.json',
);
/** All that memory depends on of a module in 4 bits, groups of 128. */
const modules = config.shape.linears.flatMap(({ kind, module, in: cols, out: rows }): PlannedModule[] => {
  if (kind === 'lm_head') return [];
  const name = module.replace('{i}', '0');
  const weight = { name: `${name}.weight`, dtype: 'BF16', shape: [rows, cols], file: 'model.safetensors', offset: 8, bytes: 2 * rows * cols } as const;
  const scheme = { weights: { bits: 4, groupSize: 128 } } as PlannedModule['scheme'];
  const source = { module: name, block: 0, rows, cols, weight, input: inputOf(kind), transposed: false, lmHead: false };
  return [{ module: name, block: 0, rows, cols, scheme, activations: null, source, tensors: [], bytes: (rows * cols * 4.25) / 8 }];
});
const jobOf = (samples: number, length: number): CalibrationJob => ({
  calibration: { config, sequences: Array.from({ length: samples }, () => new Int32Array(length)) },
  ...{ method: gptq, recipe: { methods: ['gptq'], trueSequential: false } as unknown as Recipe, blocks: [modules] },
});
const peak = (job: CalibrationJob, budget: number): number => Math.max(...calibrationDemands(job).map((demand) => phaseBytes(demand.memory(budget))));

test('at 7B the default text spills, and calibration stays below 12 % of the model', () => {
  const job = jobOf(128, 512);
  assert.deepEqual(calibrationSettings(job, Number.POSITIVE_INFINITY), { spill: true, restored: 'whole', together: true });
  assert.deepEqual(calibrationSettings(jobOf(16, 512), Number.POSITIVE_INFINITY), { spill: false, restored: 'whole', together: true });
  assert.ok(peak(job, Number.POSITIVE_INFINITY) + 150 * mib < 0.12 * 13.5e9, String(peak(job, Number.POSITIVE_INFINITY) / mib));
});

test('a limit takes the block in f32 first, then the Hessians that wait; 0.6 GB are enough at 7B', () => {
  const job = jobOf(128, 512);
  assert.deepEqual(calibrationSettings(job, 700 * mib), { spill: true, restored: 'bands', together: true });
  const least = calibrationSettings(job, 430 * mib);
  assert.deepEqual(least, { spill: true, restored: 'bands', together: false });
  assert.ok(peak(job, 0) + 130 * mib < 0.6e9, `${peak(job, 0) / mib} MiB`);
});

test('what is declared for a budget fits it, or is the least there is', () => {
  const job = jobOf(32, 2048);
  for (let budget = 100 * mib; budget < 3000 * mib; budget += 50 * mib) {
    const bytes = peak(job, budget);
    assert.ok(bytes <= budget || bytes === peak(job, 0), `${budget / mib}`);
  }
});
