import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sampling } from '@quantwright/schemas/rpc/engine';
import fc from 'fast-check';
import { EngineError } from '../errors.ts';
import { loadBinding } from '../jobs/binding.ts';
import { createSampler as createNativeSampler } from './sampling.ts';

const binding = await loadBinding();

/** A sampler for as many tokens as the first logits have. */
function createSampler(sampling: Sampling): { next(values: Float32Array, prompt?: readonly number[]): number } {
  let sampler: ReturnType<typeof createNativeSampler> | null = null;
  createNativeSampler(binding, 1000, sampling);
  return {
    next: (values, prompt = []) => {
      sampler ??= createNativeSampler(binding, values.length, sampling);
      sampler.observe(Int32Array.from(prompt));
      return sampler.sample(values.slice());
    },
  };
}

const logits = (...values: number[]): Float32Array => Float32Array.from(values);

test('greedy takes the first of equal largest logits', () => {
  assert.equal(createSampler({}).next(logits(1, 3, 3, 2)), 1);
});

test('the same seed draws the same tokens, another seed draws others', () => {
  const draw = (seed: number): number[] => {
    const sampler = createSampler({ temperature: 1, seed });
    return Array.from({ length: 50 }, () => sampler.next(logits(1, 1.1, 0.9, 1, 1.2)));
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test('draws follow the softmax of logits / temperature', () => {
  const sampler = createSampler({ temperature: 2, seed: 1 });
  const counts = [0, 0, 0];
  const draws = 30_000;
  for (let index = 0; index < draws; index++) {
    const id = sampler.next(logits(0, 2, 4));
    counts[id] = (counts[id] ?? 0) + 1;
  }
  const weights = [1, Math.E, Math.E ** 2];
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (const [id, weight] of weights.entries()) {
    const expected = weight / total;
    // Six standard errors: fails for a wrong formula, not for luck (the seed is fixed besides).
    assert.ok(
      Math.abs((counts[id] ?? 0) / draws - expected) < 6 * Math.sqrt((expected * (1 - expected)) / draws),
      `${id}: ${counts[id]} of ${draws}, expected ${expected}`,
    );
  }
});

test('top-k, top-p and min-p leave only what they allow', () => {
  const drawn = (options: Parameters<typeof createSampler>[0]): Set<number> => {
    const sampler = createSampler({ temperature: 1, seed: 3, ...options });
    return new Set(Array.from({ length: 2_000 }, () => sampler.next(Float32Array.from([0.5, 0.25, 0.15, 0.1], Math.log))));
  };
  assert.deepEqual([...drawn({})].sort(), [0, 1, 2, 3]);
  assert.deepEqual([...drawn({ topK: 2 })].sort(), [0, 1]);
  // 0.5 alone does not reach 0.6: the one that crosses is kept.
  assert.deepEqual([...drawn({ topP: 0.6 })].sort(), [0, 1]);
  assert.deepEqual([...drawn({ topP: 0.4 })].sort(), [0]);
  assert.deepEqual([...drawn({ minP: 0.28 })].sort(), [0, 1, 2]);
});

test('the repetition penalty lowers positive and negative logits of tokens that occurred, once each', () => {
  assert.equal(createSampler({ repetitionPenalty: 2 }).next(logits(4, 3, -1), [0, 0]), 1);
  assert.equal(createSampler({ repetitionPenalty: 2 }).next(logits(-2, -3, -9), [0]), 1);
  assert.equal(createSampler({ repetitionPenalty: 1.2 }).next(logits(4, 3, -1), [0, 0]), 0);
});

test('frequency and presence penalties count the answer, not the prompt', () => {
  const sampler = createSampler({ frequencyPenalty: 1, presencePenalty: 0.5 });
  const drawn = Array.from({ length: 4 }, () => sampler.next(logits(3, 2, -1), [0, 0, 0]));
  assert.deepEqual(drawn, [0, 1, 0, 0]);
});

test('a bias forces and forbids tokens', () => {
  assert.equal(createSampler({ logitBias: { 2: 100 } }).next(logits(4, 3, -1)), 2);
  assert.equal(createSampler({ logitBias: { 0: -100 } }).next(logits(4, 3, -1)), 1);
});

test('any options give a token of the vocabulary', () => {
  fc.assert(
    fc.property(
      fc.float32Array({ minLength: 1, maxLength: 40, noNaN: true, noDefaultInfinity: true, min: -80, max: 80 }),
      fc.double({ min: 0, max: 5, noNaN: true }),
      fc.nat(50),
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer(),
      (values, temperature, topK, topP, minP, seed) => {
        const id = createSampler({ temperature, topK, topP, minP, seed }).next(values);
        assert.ok(Number.isInteger(id) && id >= 0 && id < values.length);
      },
    ),
  );
});

test('a temperature next to zero is greedy, not a division that overflows', () => {
  assert.equal(createSampler({ temperature: 1e-300 }).next(logits(1, 2, 1.999)), 1);
});

test('logits without a finite largest are an error, not token 0', () => {
  assert.throws(() => createSampler({}).next(logits(1, Number.NaN)), /not finite numbers.*NaN/);
  assert.throws(() => createSampler({}).next(logits(1, Number.POSITIVE_INFINITY)), /not finite numbers/);
});

test('options outside their range are refused by name', () => {
  for (const [options, name] of [
    [{ temperature: -1 }, 'temperature'],
    [{ topK: 1.5 }, 'topK'],
    [{ topP: 0 }, 'topP'],
    [{ minP: 2 }, 'minP'],
    [{ repetitionPenalty: 0 }, 'repetitionPenalty'],
    [{ seed: 0.5 }, 'seed'],
    [{ frequencyPenalty: 101 }, 'frequencyPenalty'],
    [{ presencePenalty: Number.NaN }, 'presencePenalty'],
    [{ logitBias: { 1000: 1 } }, 'logitBias'],
    [{ logitBias: { 1: 101 } }, 'logitBias'],
    [{ logitBias: { x: 1 } }, 'logitBias'],
  ] as const) {
    assert.throws(
      () => createSampler(options),
      (error) => error instanceof EngineError && error.kind === 'input' && error.message.includes(name),
    );
  }
});
