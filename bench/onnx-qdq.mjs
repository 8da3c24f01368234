// The embedded model as an ONNX graph, in float and as QDQ graphs of static W8A8 by every observer: perplexity of the evaluation text, error of the logits, and
// processor time of a window of 256 tokens in onnxruntime with one thread. Prints the rows of a table for RESULTS.md.
// node bench/onnx-qdq.mjs [--windows N]
import { copyFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openCheckpoint } from '../engine/out/checkpoint/checkpoint.js';
import { readJsonObject } from '../engine/out/checkpoint/json-file.js';
import { mapCheckpoint } from '../engine/out/checkpoint/mapped.js';
import { readTextFile } from '../engine/out/eval/text-file.js';
import { loadBinding } from '../engine/out/jobs/binding.js';
import { parseModelConfig } from '../engine/out/model/config.js';
import { encodeModel } from '../engine/out/onnx/proto.js';
import { onnxLlama } from '../engine/out/onnx/testing/llama.js';
import { quantizeModel } from '../engine/out/pipeline/quantize.js';
import { loadTokenizer } from '../engine/out/text/tokenizer.js';

const { values } = parseArgs({ options: { windows: { type: 'string', default: '20' } } });
const root = fileURLToPath(new URL('..', import.meta.url));
const quill = join(root, 'models', 'quill-16m');
const texts = join(root, 'models', 'texts');
const tokens = 256;
process.env.QUANTWRIGHT_ONNXRUNTIME ??= join(root, 'bench');
const ort = createRequire(join(process.env.QUANTWRIGHT_ONNXRUNTIME, 'package.json'))('onnxruntime-node');
const binding = await loadBinding();
const work = await mkdtemp(join(tmpdir(), 'quantwright-qdq-'));
try {
  const mapped = mapCheckpoint(await openCheckpoint(quill), binding);
  const config = parseModelConfig(await readJsonObject(join(quill, 'config.json'), 1e6), quill);
  const model = join(work, 'float.onnx');
  await writeFile(model, encodeModel(await onnxLlama(mapped, config, tokens)));
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) await copyFile(join(quill, name), join(work, name));
  const ids = (await loadTokenizer(quill)).encode(await readTextFile(join(texts, 'quant_chat_evaluation.txt')), { specialTokens: true });
  const windows = Array.from({ length: Math.min(Number(values.windows), Math.floor(ids.length / tokens)) }, (_, at) =>
    ids.slice(at * tokens, (at + 1) * tokens),
  );
  const float = await measure(model, windows, null);
  print('float32', float, await stat(model), float);
  const settings = [
    ...['minmax', 'moving_average', 'percentile', 'kl'].map((observer) => [observer, { w8a8_static: { observer } }]),
    ['kl, symmetric', { w8a8_static: { observer: 'kl' }, activations: { symmetric: true } }],
    ['smoothquant, kl', { quant_method: ['smoothquant', 'w8a8_static'], w8a8_static: { observer: 'kl' } }],
  ];
  for (const [name, more] of settings) {
    const configPath = join(work, 'c.quant.json');
    const outDir = join(work, 'qdq.onnx');
    const calibration = { dataset: join(texts, 'quant_chat_calibration.txt'), samples: 64, sequence_length: tokens };
    await writeFile(configPath, JSON.stringify({ quant_method: 'w8a8_static', calibration, ...more }));
    const { seconds } = await quantizeModel({ modelDir: model, configPath, outDir, overwrite: true }, { loadBinding: async () => binding });
    print(name, await measure(outDir, windows, float.logits), await stat(outDir), float, seconds);
  }
} finally {
  await rm(work, { recursive: true, force: true });
}

/** Best of the windows for the time, in milliseconds of a processor: others use the machine too. */
async function measure(file, windows, reference) {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const logits = [];
  let [nll, count, best, error, norm] = [0, 0, Number.POSITIVE_INFINITY, 0, 0];
  for (const [at, window] of windows.entries()) {
    const feeds = { input_ids: new ort.Tensor('int64', BigInt64Array.from(window, BigInt), [1, tokens]) };
    const before = process.cpuUsage();
    const { data, dims } = (await session.run(feeds)).logits;
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
    const width = dims.at(-1);
    for (let row = 0; row + 1 < tokens; row++) {
      const line = data.subarray(row * width, (row + 1) * width);
      const top = line.reduce((most, one) => Math.max(most, one), Number.NEGATIVE_INFINITY);
      nll += Math.log(line.reduce((sum, one) => sum + Math.exp(one - top), 0)) + top - line[window[row + 1]];
      count++;
    }
    const own = reference === null ? data : reference[at];
    for (const [index, value] of data.entries()) {
      error += (value - own[index]) ** 2;
      norm += own[index] ** 2;
    }
    if (reference === null) logits.push(Float32Array.from(data));
  }
  await session.release();
  return { perplexity: Math.exp(nll / count), best, error: Math.sqrt(error / norm), logits };
}

function print(name, { perplexity, best, error }, { size }, float, seconds = 0) {
  const cells = [name, (size / 1e6).toFixed(1), perplexity.toFixed(4), error.toFixed(4), best.toFixed(1), (float.best / best).toFixed(2), seconds.toFixed(1)];
  console.log(`| ${cells.join(' | ')} |`);
}
