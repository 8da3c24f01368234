// A caller's sampling values -> the native sampler. Values outside their range are refused here, under the names that callers use.
// What a sampler does with logits, in which order and with which random numbers: kernels/sample/README.md.
import type { NativeBinding, Sampler, SamplerSpec } from '@quantwright/native/binding';
import type { Sampling } from '@quantwright/schemas/rpc/engine';
import { spell } from '../checkpoint/spell.ts';
import { EngineError } from '../errors.ts';

/** Largest change of a logit: enough to force or forbid a token (OpenAI API reference, logit_bias). */
const mostBias = 100;

/** `vocabulary`: width of the logits. Throws kind `input` for values outside their range, naming them. */
export function createSampler(binding: NativeBinding, vocabulary: number, sampling: Sampling): Sampler {
  return binding.createSampler(samplerSpec(vocabulary, sampling));
}

export function samplerSpec(vocabulary: number, sampling: Sampling): SamplerSpec {
  const { temperature = 0, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1, frequencyPenalty = 0, presencePenalty = 0, seed = 0, logitBias } = sampling;
  check('temperature', temperature, temperature >= 0 && temperature <= 100, '0 (greedy) to 100');
  check('topK', topK, Number.isSafeInteger(topK) && topK >= 0, 'an integer from 0 (off)');
  check('topP', topP, topP > 0 && topP <= 1, 'above 0, up to 1 (off)');
  check('minP', minP, minP >= 0 && minP <= 1, '0 (off) to 1');
  check('repetitionPenalty', repetitionPenalty, repetitionPenalty > 0 && repetitionPenalty <= 100, 'above 0, up to 100; 1 is off');
  check('frequencyPenalty', frequencyPenalty, Math.abs(frequencyPenalty) <= 100, '-100 to 100; 0 is off');
  check('presencePenalty', presencePenalty, Math.abs(presencePenalty) <= 100, '-100 to 100; 0 is off');
  check('seed', seed, Number.isSafeInteger(seed), 'an integer');
  const bias = logitBias === undefined ? {} : biasOf(logitBias, vocabulary);
  return { vocabulary, temperature, topK, topP, minP, repetitionPenalty, frequencyPenalty, presencePenalty, seed, ...bias };
}

/** First index of the largest value. Throws kind `internal` when no value is a number, or the largest is infinite. */
export function argmax(logits: Float32Array): number {
  let best = -1;
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < logits.length; index++) {
    const value = logits[index] ?? Number.NaN;
    if (value > largest) {
      largest = value;
      best = index;
    }
  }
  if (!Number.isFinite(largest)) throw new EngineError('internal', 'the model produced no finite logit; its weights or scales hold NaN or infinity');
  return best;
}

function biasOf(logitBias: unknown, vocabulary: number): { readonly biasIds: Int32Array; readonly bias: Float32Array } {
  if (typeof logitBias !== 'object' || logitBias === null || Array.isArray(logitBias)) {
    throw new EngineError('input', `sampling: logitBias is ${spell(logitBias)}; it must be an object of token ids and numbers, such as {"42": -100}`);
  }
  const entries: readonly [string, unknown][] = Object.entries(logitBias);
  const biasIds = new Int32Array(entries.length);
  const bias = new Float32Array(entries.length);
  for (const [index, [key, value]] of entries.entries()) {
    const id = /^\d+$/.test(key) ? Number(key) : Number.NaN;
    if (!(id < vocabulary)) throw new EngineError('input', `sampling: logitBias names token ${spell(key)}; the model has tokens 0 to ${vocabulary - 1}`);
    if (typeof value !== 'number' || !(Math.abs(value) <= mostBias)) {
      throw new EngineError('input', `sampling: logitBias of token ${id} is ${spell(value)}; it must be a number from -${mostBias} to ${mostBias}`);
    }
    biasIds[index] = id;
    bias[index] = value;
  }
  return { biasIds, bias };
}

function check(name: string, value: unknown, valid: boolean, range: string): void {
  if (typeof value !== 'number' || !valid) throw new EngineError('input', `sampling: ${name} is ${spell(value)}; it must be ${range}`);
}
