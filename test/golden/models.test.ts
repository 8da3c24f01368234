// The forward pass against transformers' f32 logits on tiny models of each architecture, through the same loader and program that users run.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createGenerator } from '@quantwright/engine/chat/generate';
import { openCheckpoint } from '@quantwright/engine/checkpoint/checkpoint';
import { readJsonObject } from '@quantwright/engine/checkpoint/json-file';
import { mapCheckpoint } from '@quantwright/engine/checkpoint/mapped';
import { logitsOf } from '@quantwright/engine/eval/logits';
import { measureIds } from '@quantwright/engine/eval/perplexity';
import { loadBinding } from '@quantwright/engine/jobs/binding';
import { parseModelConfig } from '@quantwright/engine/model/config';
import { buildBlock, inputOf, observeSlot } from '@quantwright/engine/model/decoder';
import { type LoadedModel, loadModel } from '@quantwright/engine/model/load';
import { checkpointWeights } from '@quantwright/engine/model/weights';
import { type GoldenCase, goldenCases, goldenTensor, goldenTensors } from './cases.ts';
import { compareWith } from './tolerance.ts';

const binding = await loadBinding();
const { cases, whole } = goldenCases('models');
if (!whole) console.log('../shared/golden is absent: the model cases kept in the repository run');

for (const golden of cases) {
  test(`${golden.case}: logits, loss and greedy ids are those of transformers`, async () => {
    const model = await loadModel(directoryOf(golden), { binding });
    const tensors = goldenTensors(golden);
    const sequences = sequencesOf(golden);
    const expected = goldenTensor(tensors, 'out.logits').data;
    let worst = 0;
    for (const [index, ids] of sequences.entries()) {
      const logits = await logitsOf(model, ids);
      const want = expected.subarray(index * logits.length, (index + 1) * logits.length);
      const result = compareWith(golden.tolerance['logits'] ?? assert.fail('no tolerance'), logits, want);
      assert.ok(result.ok, `sequence ${index}: ${result.detail}`);
      for (let at = 0; at < logits.length; at++) worst = Math.max(worst, Math.abs((logits[at] ?? 0) - (want[at] ?? 0)));
    }
    const losses = await Promise.all(sequences.map((ids) => measureIds(model, ids, () => 1)));
    const result = compareWith(
      golden.tolerance['mean_nll'] ?? assert.fail('no tolerance'),
      losses.map(({ totalNats, predictedTokens }) => totalNats / predictedTokens),
      goldenTensor(tensors, 'out.per_sequence_nll').data,
    );
    assert.ok(result.ok, result.detail);
    assert.deepEqual(await greedy(model, sequences[0]?.slice(0, 8) ?? assert.fail(), 12), Array.from(goldenTensor(tensors, 'out.greedy_generation').data));
    console.log(`${golden.case}: largest logit difference ${worst.toExponential(2)}`);
  });

  test(`${golden.case}: feeding tokens in pieces gives the logits of feeding them at once`, async () => {
    const model = await loadModel(directoryOf(golden), { binding });
    const ids = sequencesOf(golden)[0] ?? assert.fail();
    const whole = await logitsOf(model, ids);
    const width = model.config.shape.vocabSize;
    const session = model.createSession(ids.length);
    let begin = 0;
    // 1 = decode; larger ones take the batched path, also across the attention window.
    for (const length of [5, 1, 17, 1, 1, ids.length - 25]) {
      const piece = await model.program.run(session, ids.slice(begin, begin + length), 'all');
      const result = compareWith({ rule: 'allclose', rtol: 1e-4, atol: 1e-4 }, piece, whole.subarray(begin * width, (begin + length) * width));
      assert.ok(result.ok, `tokens ${begin} to ${begin + length}: ${result.detail}`);
      begin += length;
    }
    assert.equal(begin, ids.length);
  });

  test(`${golden.case}: the block program computes the first layer, and observes its inputs`, async () => {
    const directory = directoryOf(golden);
    const config = parseModelConfig(await readJsonObject(join(directory, 'config.json'), 1e6), 'config.json');
    const mapped = mapCheckpoint(await openCheckpoint(directory), binding);
    const program = binding.createProgram(await buildBlock(config, checkpointWeights(mapped, null, binding), 0, ['absmax', 'hessian', 'capture']));
    const tensors = goldenTensors(golden);
    const before = goldenTensor(tensors, 'out.hidden_after_embed');
    const width = config.shape.hiddenSize;
    const tokens = before.shape[1] ?? assert.fail();
    const input = Float32Array.from(before.data.subarray(0, tokens * width));
    const output = await program.run(program.createSession(tokens, 'f32'), input, 'all');
    const result = compareWith(
      golden.tolerance['hidden'] ?? assert.fail('no tolerance'),
      output,
      goldenTensor(tensors, 'out.hidden_after_layer1').data.subarray(0, tokens * width),
    );
    assert.ok(result.ok, result.detail);
    checkObservations(
      program,
      observeSlot(inputOf('q_proj'), 'absmax'),
      observeSlot(inputOf('q_proj'), 'hessian'),
      observeSlot(inputOf('q_proj'), 'capture'),
      width,
      tokens,
    );
    checkObservations(
      program,
      observeSlot('down_proj', 'absmax'),
      observeSlot('down_proj', 'hessian'),
      observeSlot('down_proj', 'capture'),
      config.shape.intermediateSize,
      tokens,
    );
  });
}

function directoryOf(golden: GoldenCase): string {
  return join(golden.root, String(golden.params['dir']));
}

function sequencesOf(golden: GoldenCase): Int32Array[] {
  const { shape, data } = goldenTensor(goldenTensors(golden), 'in.input_ids');
  const [count = 0, length = 0] = shape;
  return Array.from({ length: count }, (_, index) => Int32Array.from(data.subarray(index * length, (index + 1) * length)));
}

/** Prompt and answer together, as the reference keeps them. */
async function greedy(model: LoadedModel, prompt: Int32Array, tokens: number): Promise<number[]> {
  const ids = Array.from(prompt);
  const onToken = (id: number): boolean => {
    ids.push(id);
    return false;
  };
  await createGenerator(model, 64).run(prompt, { sampling: {}, maxTokens: tokens, endIds: new Set(), onToken });
  return ids;
}

/** Largest magnitude and X^T X must be those of the captured inputs themselves. */
function checkObservations(
  program: { observed(slot: number): Float32Array | null },
  absmaxSlot: number,
  hessianSlot: number,
  captureSlot: number,
  width: number,
  tokens: number,
): void {
  const captured = program.observed(captureSlot) ?? assert.fail('nothing captured');
  assert.equal(captured.length, tokens * width);
  const absmax = new Float32Array(width);
  const hessian = new Float64Array(width * width);
  for (let token = 0; token < tokens; token++) {
    for (let a = 0; a < width; a++) {
      const x = captured[token * width + a] ?? Number.NaN;
      absmax[a] = Math.max(absmax[a] ?? 0, Math.abs(x));
      for (let b = 0; b < width; b++) hessian[a * width + b] = (hessian[a * width + b] ?? 0) + x * (captured[token * width + b] ?? Number.NaN);
    }
  }
  const seen = compareWith({ rule: 'exact' }, program.observed(absmaxSlot) ?? [], absmax);
  assert.ok(seen.ok, `absmax: ${seen.detail}`);
  const product = compareWith({ rule: 'relative_frobenius', max: 1e-5 }, program.observed(hessianSlot) ?? [], hessian);
  assert.ok(product.ok, `hessian: ${product.detail}`);
}
