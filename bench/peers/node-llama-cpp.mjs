// Peer: node-llama-cpp (prebuilt llama.cpp for Node). One process a model; prints one JSON line.
//   node bench/peers/node-llama-cpp.mjs MODEL.gguf THREADS REPEATS PROMPT_TOKENS NEW_TOKENS VOCAB
import { readFileSync } from 'node:fs';
import { getLlama } from 'node-llama-cpp';

const [file, threads, repeats, prompt, fresh, vocab] = process.argv.slice(2).map((value, index) => (index === 0 ? value : Number(value)));
const peakMiB = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;
const tokens = (count, seed) => Array.from({ length: count }, (_, i) => 300 + ((i * 7919 + seed * 104729) % (vocab - 400)));

const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error' });
const start = performance.now();
const model = await llama.loadModel({ modelPath: file, gpuLayers: 0 });
const loadMs = performance.now() - start;
const loaded = performance.now();
const context = await model.createContext({ contextSize: 1024, batchSize: 512, threads, sequences: 1 });
const sequence = context.getSequence();
for await (const _ of sequence.evaluate(tokens(20, 9), { temperature: 0, yieldEogToken: true })) break;
const firstTokenMs = performance.now() - loaded;
const loadPeakMiB = peakMiB();

const prefill = [];
for (let i = 0; i < repeats; i++) {
  await sequence.clearHistory();
  const at = performance.now();
  await sequence.evaluateWithoutGeneratingNewTokens(tokens(prompt, i));
  prefill.push((prompt / (performance.now() - at)) * 1000);
}
const decode = [];
for (let i = 0; i < repeats; i++) {
  await sequence.clearHistory();
  let at = 0;
  let count = 0;
  for await (const _ of sequence.evaluate(tokens(8, i), { temperature: 0, yieldEogToken: true })) {
    if (count === 0) at = performance.now();
    if (count++ === fresh) break;
  }
  decode.push((Math.min(fresh, count) / (performance.now() - at)) * 1000);
}
console.log(JSON.stringify({ loadMs, firstTokenMs, loadPeakMiB, prefill, decode, peakMiB: peakMiB() }));
process.exit(0);
