// Alphas of every architecture's blocks. Where rounding changes nothing, no alpha may change the loss: what a norm loses its readers' columns gain.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBinding } from '../../jobs/binding.ts';
import { architectures } from '../../model/architectures/registry.ts';
import type { ModelConfig } from '../../model/config.ts';
import { buildBlock } from '../../model/decoder.ts';
import { namedWeights } from '../../model/named-weights.ts';
import { scalingPairs } from '../../model/scaling-pairs.ts';
import { configOf, hidden, randomModel, tokens, weightsOf } from '../../model/testing/random-block.ts';
import type { ModuleScheme } from '../method.ts';
import { createTrainedProgram, type TrainedProgram } from './block.ts';

const binding = await loadBinding();

/** A group of one weight is a code of 255 or 0: rounded exactly. */
async function exactlyRounded(config: ModelConfig): Promise<TrainedProgram> {
  const weights = namedWeights(weightsOf(randomModel(7), null));
  const program = await buildBlock(config, weights, 1);
  const scheme: ModuleScheme = {
    weights: { dtype: 'int', bits: 8, signed: false, symmetric: false, groupSize: 1, zeroPoint: 'integer', descAct: false, staticGroups: false },
    dialect: 'inc',
    mseSearch: false,
    fullRange: false,
    scaleType: 'f32',
  };
  const modules = program.body.flatMap((op) => (op.op === 'linear' ? [weights.moduleOf(op.weight) ?? assert.fail()] : []));
  const schemes = new Map(modules.map((module) => [module, scheme]));
  return createTrainedProgram({ binding, program, moduleOf: weights.moduleOf, pairs: scalingPairs(config, 1), schemes, inputGradient: false });
}

const wave = (length: number, by: number): Float32Array => Float32Array.from({ length }, (_, at) => Math.sin(by * at + 1));
const input = wave(tokens * hidden, 0.7);

for (const { name, modelType } of architectures) {
  test(`${name}: alphas move nothing where rounding moves nothing`, async () => {
    const { tape, places, gradients, round } = await exactlyRounded(configOf(name, modelType, 2));
    assert.equal(places.length, 2);
    const before = await tape.forward(input, Int32Array.of(tokens), false);
    for (const { alpha } of places) for (const channel of alpha.keys()) alpha[channel] = 0.6 + 0.1 * (channel % 9);
    await round();
    const after = await tape.forward(input, Int32Array.of(tokens), false);
    const most = Math.max(...before.map(Math.abs));
    for (const [at, value] of after.entries()) assert.ok(Math.abs(value - (before[at] ?? 0)) < 1e-5 * most, `${at}: ${value} ${before[at]}`);
    const { wanted } = await tape.squaredError(input, Int32Array.of(tokens), wave(tokens * hidden, 0.3));
    const size = Math.max(...wanted.flatMap((gradient) => [...gradient].map(Math.abs)));
    const rest = Math.max(...gradients(wanted).flatMap((gradient) => [...gradient].map(Math.abs)));
    assert.ok(size > 1e-3 && rest < 1e-4 * size, `${rest} of ${size}`);
  });
}
