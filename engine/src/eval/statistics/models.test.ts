// Statistics and distances of whole models, against the same figures from the model's own weights and from a walk of the model beside itself.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../../errors.ts';
import { loadBinding } from '../../jobs/binding.ts';
import { buildHead } from '../../model/decoder.ts';
import { loadModel } from '../../model/load.ts';
import { quantizeModel } from '../../pipeline/quantize.ts';
import type { SourcedText } from '../text-source.ts';
import { createDifference } from './difference.ts';
import { measureDistance } from './distance.ts';
import { measureStats } from './stats.ts';
import { openWalked, walkBlocks } from './walk-blocks.ts';

const binding = await loadBinding();
const quill = fileURLToPath(new URL('../../../../models/quill-16m', import.meta.url));
const words = 'Quantization stores numbers with fewer bits, and the rounding error grows with the largest weight of the group. '.repeat(16);
const text: SourcedText = { text: words, source: { path: 'a.txt', join: 'file', bytes: Buffer.byteLength(words), sha256: '00' } };
const folder = await mkdtemp(join(tmpdir(), 'quantwright-statistics-'));
after(() => rm(folder, { recursive: true, force: true }));
await writeFile(join(folder, 'a.quant.json'), JSON.stringify({ quant_method: 'rtn', weight_format: 'int4', group_size: 32 }));
const rounded = join(folder, 'rtn');
await quantizeModel({ modelDir: quill, configPath: join(folder, 'a.quant.json'), outDir: rounded }, { loadBinding: async () => binding });

test('a model has no distance from itself', async () => {
  const { modules, blocks, tokens } = await measureDistance(quill, quill, text, { binding, length: 40 });
  assert.equal(tokens, 40);
  assert.equal(blocks.length, 8);
  assert.equal(modules.length, 56);
  for (const { sqnrDb, mse, cosine } of [...modules, ...blocks]) assert.deepEqual([sqnrDb, mse, cosine], [Number.POSITIVE_INFINITY, 0, 1]);
});

test('what leaves the last block is what the whole model makes its logits of, and runs of 256 tokens make no difference', async () => {
  const opened = await openWalked(quill);
  const ids = (await opened.tokenizer()).encode(words, { specialTokens: true }).slice(0, 300);
  const states: Float32Array[] = [];
  const lengths: number[] = [];
  await walkBlocks(
    [opened],
    async ([linear]) => ({
      tokens: async ({ outputs, tokens }) => {
        if (linear?.block !== 7) return;
        lengths.push(tokens);
        for (const output of outputs ?? []) states.push(output.slice());
      },
      done: async () => {},
    }),
    { binding, sequences: [ids] },
  );
  assert.deepEqual(lengths, [256, 44]);
  const model = await loadModel(quill, { binding });
  const { hiddenSize, vocabSize } = model.config.shape;
  const source = opened.weights(binding, {});
  const head = binding.createProgram(await buildHead(opened.config, source));
  source.close();
  const last = (states.at(-1) ?? new Float32Array()).subarray(43 * hiddenSize);
  const logits = await head.run(head.createSession(1, 'f32'), last, 'all');
  const whole = await model.program.run(model.createSession(300), ids, 'last');
  assert.equal(logits.length, vocabSize);
  const difference = createDifference();
  difference.add(whole, logits);
  assert.ok(difference.sqnrDb() > 80, `${difference.sqnrDb()} dB`);
});

test('errors of weights are those of the stored values, distances grow along the blocks, and both commands agree on inputs', async () => {
  const options = { binding, length: 64, sequences: 2 } as const;
  const { tensors, sequences } = await measureStats(rounded, text, { ...options, reference: quill });
  const { modules, blocks } = await measureDistance(rounded, quill, text, options);
  assert.equal(sequences, 2);
  assert.deepEqual(
    tensors.map(({ module, block, error }) => [module, block, error?.sqnr.activation]),
    modules.map(({ module, block, sqnrDb }) => [module, block, sqnrDb]),
  );
  for (const { error, weight, before } of tensors) {
    // 4 bits, groups of 32: about 20 dB.
    const { weight: db = 0, output = 0 } = error?.sqnr ?? {};
    assert.ok(db > 17 && db < 25, `${db} dB`);
    assert.ok(output > 5 && output < 40, `${output} dB`);
    const largest = Math.max(Math.abs(before?.weight.min ?? 0), before?.weight.max ?? 0);
    assert.ok(Math.abs(weight.max - (before?.weight.max ?? 0)) <= largest / 7);
  }
  assert.equal(tensors[0]?.error?.sqnr.activation, Number.POSITIVE_INFINITY, 'before the first block nothing is quantized');
  const [first, last] = [blocks[0], blocks.at(-1)];
  assert.ok((first?.sqnrDb ?? 0) > (last?.sqnrDb ?? 100) && (last?.cosine ?? 0) < 1, JSON.stringify(blocks));
});

test('statistics of one model are those of its weights, and the same as `before` of what was made from it', async () => {
  const options = { binding, length: 64, sequences: 2 } as const;
  const alone = await measureStats(quill, text, options);
  const beside = await measureStats(rounded, text, { ...options, reference: quill });
  assert.equal(alone.reference, null);
  for (const [at, { module: _, block: __, error, ...summary }] of alone.tensors.entries()) {
    assert.equal(error, null);
    assert.deepEqual(summary, beside.tensors[at]?.before);
    const { counts } = summary.histogram;
    assert.equal(counts.reduce((sum, count) => sum + count, 0) % 128, 0, 'every channel of 128 tokens is counted');
    assert.ok(Math.abs(Math.max(...summary.channelMaxima) - Math.max(summary.activation.max, -summary.activation.min)) < 1e-6);
  }
});

test('models of other shapes, texts of nothing and sequences beyond the context are refused', async () => {
  const says = (words: RegExp) => (cause: unknown) => cause instanceof EngineError && cause.kind === 'input' && words.test(cause.message);
  await assert.rejects(measureStats(quill, text, { binding, length: 1_000_000 }), says(/longer than the model's context of 1024/));
  const other = await openWalked(quill);
  const narrow = { ...other, config: { ...other.config, shape: { ...other.config.shape, hiddenSize: 8 } } };
  await assert.rejects(
    walkBlocks([other, narrow], async () => assert.fail('refused before a weight is read'), { binding, sequences: [Int32Array.of(1)] }),
    says(/hiddenSize is 384 in the one and 8 in the other/),
  );
  const controller = new AbortController();
  const stopped = measureDistance(rounded, quill, text, { binding, signal: controller.signal, onProgress: () => controller.abort() });
  await assert.rejects(stopped, { name: 'AbortError' });
});
