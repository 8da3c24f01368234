// Runs made up for tests: one of every kind, with numbers that fit together, and arbitrary ones for properties.
import fc from 'fast-check';
import type { TextSource } from './results.ts';
import { type Run, type RunModel, runFormat, runVersion } from './run.ts';

const text: TextSource = { path: 'texts/a.txt', join: 'file', bytes: 1000, sha256: 'ab'.repeat(32) };
const moments = { min: -1, max: 8, mean: 0, std: 0.5, kurtosis: 30 };

export function modelNamed(name: string, changes: Partial<RunModel> = {}): RunModel {
  return {
    path: `models/${name}`,
    name,
    architecture: 'LlamaForCausalLM',
    parameters: 16_000_000,
    bytes: 32_000_000,
    bitsPerWeight: 16,
    fingerprint: `${name}-fingerprint`,
    method: null,
    kvCache: 'f32',
    ...changes,
  };
}

/** A distributive Omit: of each member of the union. */
type ResultOf = Run extends infer R ? (R extends Run ? Pick<R, 'kind' | 'result'> : never) : never;

/** `result`: its kind and result; the rest is filled in. */
export function runOf(result: ResultOf, model: RunModel | null = modelNamed('quill'), changes: Partial<Pick<Run, 'id' | 'started' | 'sweep'>> = {}): Run {
  return {
    ...result,
    format: runFormat,
    version: runVersion,
    id: `20261123T120000Z-${result.kind}-${model?.name ?? 'machine'}-0000`,
    started: '2026-11-23T12:00:00.000Z',
    seconds: 1.5,
    quantwright: '0.1.0',
    command: ['eval', result.kind, model?.path ?? ''],
    model,
    machine: { cpu: 'a CPU', level: 'avx2', threads: 2, memoryBytes: 2 ** 33 },
    peakMemoryBytes: 2 ** 28,
    ...changes,
  };
}

export function perplexityRun(perplexity: number, model?: RunModel | null, changes?: Parameters<typeof runOf>[2]): Run {
  return runOf(
    {
      kind: 'ppl',
      result: {
        text,
        window: 512,
        stride: 512,
        perplexity,
        bitsPerByte: Math.log2(perplexity) / 4,
        totalNats: 100 * Math.log(perplexity),
        predictedTokens: 100,
        predictedBytes: 400,
        windowNats: [100 * Math.log(perplexity)],
        tokensPerSecond: 900,
      },
    },
    model,
    changes,
  );
}

/** One run of every kind. */
export function everyKind(model: RunModel = modelNamed('quill-gptq', { method: 'gptq 4-bit g128', bitsPerWeight: 4.2, bytes: 12_000_000 })): readonly Run[] {
  return [
    perplexityRun(9.25, model),
    runOf(
      {
        kind: 'tasks',
        result: {
          tasks: [
            {
              task: 'boolq',
              path: 'tasks/boolq.jsonl',
              items: 50,
              fewShot: 0,
              metrics: [{ name: 'acc', value: 0.62, standardError: 0.07, low: 0.48, high: 0.76 }],
              samples: [{ index: 0, prompt: 'Is 4 bits < 8 bits?', expected: 'yes', answer: 'no', correct: false, logLikelihoods: [-3, -2] }],
              seconds: 3,
            },
          ],
        },
      },
      model,
    ),
    runOf(
      {
        kind: 'needle',
        result: {
          needle: 'The code is 7481.',
          question: 'What is the code?',
          lengths: [256, 512],
          depths: [0, 0.5, 1],
          scores: [
            [1, 0.5, 1],
            [0, null, 1],
          ],
          answers: [{ length: 512, depth: 0, answer: 'It is <unknown>.' }],
        },
      },
      model,
    ),
    runOf(
      {
        kind: 'compare',
        result: {
          reference: 'models/quill',
          text,
          tokens: 4096,
          kl: { mean: 0.02, median: 0.01, p99: 0.2, largest: 1.4 },
          topOneAgreement: 0.94,
          referencePerplexity: 9,
          candidatePerplexity: 9.25,
        },
      },
      model,
    ),
    runOf(
      {
        kind: 'stats',
        result: {
          text,
          reference: 'models/quill',
          sequences: 8,
          tensors: [0, 1].map((block) => ({
            module: `model.layers.${block}.mlp.down_proj`,
            block,
            weight: moments,
            activation: moments,
            channelMaxima: [0.5, 0.6, 8, 0.4],
            outlierChannels: [2],
            histogram: { from: -1, to: 1, counts: [1, 5, 5, 1] },
            error: { sqnr: { weight: 20, activation: 30, output: 18 - block }, mse: { weight: 1e-4, activation: 1e-5, output: 2e-3 } },
          })),
        },
      },
      model,
    ),
    runOf(
      {
        kind: 'distance',
        result: {
          text,
          reference: 'models/quill',
          tokens: 2048,
          modules: [{ module: 'model.layers.0.mlp.down_proj', block: 0, sqnrDb: 22, mse: 1e-4, cosine: 0.999 }],
          blocks: [0, 1, 2].map((block) => ({ block, sqnrDb: 30 - 3 * block, mse: 1e-4 * (block + 1), cosine: 0.999 - block / 1000 })),
        },
      },
      model,
    ),
    runOf({ kind: 'kernels', result: { baseline: 'f16', rows: [{ m: 1, n: 1024, k: 1024, codec: 'affine4', microseconds: 20, ratio: 2.5 }] } }, null),
  ];
}

/** Runs of every kind whose words are arbitrary. */
export const arbitraryRun: fc.Arbitrary<Run> = fc
  .record({ index: fc.nat(6), words: fc.string({ unit: 'binary', maxLength: 30 }), number: fc.double({ noNaN: true, noDefaultInfinity: true }) })
  .map(({ index, words, number }) => {
    const run = everyKind(modelNamed('m', { name: words, path: words, method: words, bitsPerWeight: Math.abs(number), kvCache: words }))[index];
    return { ...(run ?? perplexityRun(1)), id: '20261123T120000Z-any-0000', command: [words], seconds: number };
  });
