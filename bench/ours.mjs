// Our side of the speed benchmark: one process a model; prints one JSON line. Decoding takes the argmax in JavaScript, as chat does.
//   node bench/ours.mjs MODEL_DIR THREADS REPEATS PROMPT_TOKENS NEW_TOKENS
import { readFileSync } from 'node:fs';
import { loadModel } from '../engine/out/model/load.js';
import { loadNative } from '../native/out/load.js';

const [directory, threads, repeats, prompt, fresh] = process.argv.slice(2).map((value, index) => (index === 0 ? value : Number(value)));
const peakMiB = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;

const native = await loadNative();
if (!native.ok) throw new Error(native.reason);
native.binding.setThreads(threads);
const start = performance.now();
const model = await loadModel(directory, { binding: native.binding });
const loadMs = performance.now() - start;
const vocab = model.config.shape.vocabSize;
const tokens = (count, seed) => Int32Array.from({ length: count }, (_, i) => 300 + ((i * 7919 + seed * 104729) % (vocab - 400)));
const session = model.createSession(1024);
await model.program.run(session, tokens(16, 9), 'last');

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
console.log(JSON.stringify({ loadMs, prefill, decode, peakMiB: peakMiB(), simd: native.binding.cpuInfo().level, weightBytes: model.weightBytes }));
