// Our side of the speed benchmark: one process a model; prints one JSON line. Decoding takes the argmax in JavaScript, as chat does.
//   node bench/ours.mjs MODEL_DIR THREADS REPEATS PROMPT_TOKENS NEW_TOKENS [CACHE_DIR]
// CACHE_DIR: packed weights come from there, and are kept there by the first run. REPEATS 0: only load, first token and memory.
import { readFileSync } from 'node:fs';
import { loadModel } from '../engine/out/model/load.js';
import { createPackedCache } from '../engine/out/packed-cache/packed-cache.js';
import { loadNative } from '../native/out/load.js';

const [directory, threads, repeats, prompt, fresh] = process.argv.slice(2, 7).map((value, index) => (index === 0 ? value : Number(value)));
const cacheDirectory = process.argv[7];
const peakMiB = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;

const native = await loadNative();
if (!native.ok) throw new Error(native.reason);
native.binding.setThreads(threads);
const { binding } = native;
const cache = cacheDirectory === undefined ? null : createPackedCache({ binding, location: { directory: cacheDirectory, maxBytes: null }, worthMs: 0 });
const start = performance.now();
const model = await loadModel(directory, { binding, cache });
const loadMs = performance.now() - start;
const vocab = model.config.shape.vocabSize;
const tokens = (count, seed) => Int32Array.from({ length: count }, (_, i) => 300 + ((i * 7919 + seed * 104729) % (vocab - 400)));
const loaded = performance.now();
const session = model.createSession(1024);
await model.program.run(session, tokens(20, 9), 'last');
const firstTokenMs = performance.now() - loaded;
const loadPeakMiB = peakMiB();
await model.cached;

const prefill = [];
for (let i = 0; i < repeats; i++) {
  session.truncate(0);
  const at = performance.now();
  await model.program.run(session, tokens(prompt, i), 'last');
  prefill.push((prompt / (performance.now() - at)) * 1000);
}

const argmax = (row) => {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
  return best;
};
const decode = [];
for (let i = 0; i < repeats; i++) {
  session.truncate(0);
  let next = argmax(await model.program.run(session, tokens(8, i), 'last'));
  const at = performance.now();
  for (let n = 0; n < fresh; n++) next = argmax(await model.program.run(session, Int32Array.of(next), 'last'));
  decode.push((fresh / (performance.now() - at)) * 1000);
}
console.log(
  JSON.stringify({
    loadMs,
    firstTokenMs,
    loadPeakMiB,
    fromCache: model.fromCache,
    prefill,
    decode,
    peakMiB: peakMiB(),
    simd: native.binding.cpuInfo().level,
    weightBytes: model.weightBytes,
  }),
);
