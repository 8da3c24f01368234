// Settings of activations through their three forms.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActivationSpec } from '@quantwright/native/activations';
import { activationProblem, activationRecipe, activationSettings, activationSpec, parseActivations, plainActivations } from './activations.ts';

const specs: readonly ActivationSpec[] = [
  { kind: 'token', bits: 8, rule: 'dashinfer', symmetric: true },
  { kind: 'token', bits: 6, rule: 'smoothquant', symmetric: true },
  { kind: 'token', bits: 4, rule: 'zeroquant', symmetric: false },
  { kind: 'token', bits: 8, rule: 'affine', symmetric: false },
  { kind: 'tensor', bits: 8, scale: 0.25, zero: 128 },
  { kind: 'tensor', bits: 8, scale: 0.25, zero: 3 },
  { kind: 'outliers', threshold: 5 },
  { kind: 'razored', bits: 4, baseBits: 16, groupSize: 16, rule: 'qllm' },
];

for (const spec of specs) {
  test(`${JSON.stringify(spec)} is the same behind config.json`, () => {
    const { activations, inputScale } = activationRecipe(spec);
    const stored: unknown = JSON.parse(JSON.stringify(activationSettings(activations) ?? null)) ?? undefined;
    assert.deepEqual(activationSpec(parseActivations(stored, 'here', 'config.json'), inputScale), spec);
  });
}

test('what no kernel does is named, and refused where config.json says it', () => {
  assert.equal(activationSettings(plainActivations), undefined);
  assert.match(activationProblem({ ...plainActivations, bits: 16 }) ?? '', /16 bits: 2 to 8/);
  assert.match(activationProblem({ ...plainActivations, symmetric: false }) ?? '', /dashinfer activations are symmetric/);
  assert.match(activationProblem({ ...plainActivations, granularity: 'per_channel', dynamic: false }) ?? '', /per_tensor/);
  assert.throws(() => parseActivations({ bits: 8 }, 'modules a', 'config.json'), /config\.json: modules a: activations .* cannot be loaded/);
});
