// Peer: perplexity of a text under a GGUF file in llama.cpp (node-llama-cpp), by the protocol of `quantwright eval ppl`: windows side by side, every token
// but the first of a window predicted. Prints one JSON line.   node bench/peers/llama-perplexity.mjs MODEL.gguf TEXT WINDOW MAX_TOKENS THREADS
import { readFileSync } from 'node:fs';
import { getLlama } from 'node-llama-cpp';

const [file, text, window, most, threads] = process.argv.slice(2).map((value, index) => (index < 2 ? value : Number(value)));
const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error' });
const model = await llama.loadModel({ modelPath: file, gpuLayers: 0 });
const framed = model.tokens.shouldPrependBosToken && model.tokens.bos !== null ? [model.tokens.bos] : [];
const ids = [...framed, ...model.tokenize(readFileSync(text, 'utf8'), false)].slice(0, most);
const context = await model.createContext({ contextSize: window, batchSize: window, threads, sequences: 1 });
const sequence = context.getSequence();
let nats = 0;
let predicted = 0;
for (let begin = 0; begin < ids.length - 1; begin += window) {
  const tokens = ids.slice(begin, begin + window);
  if (tokens.length < 2) break;
  await sequence.clearHistory();
  const input = tokens.map((token, at) => (at + 1 === tokens.length ? token : [token, { generateNext: { logits: true } }]));
  const results = await sequence.controlledEvaluate(input);
  for (let at = 0; at + 1 < tokens.length; at++) {
    const logits = results[at].next.logits;
    let max = Number.NEGATIVE_INFINITY;
    for (const value of logits.values()) max = Math.max(max, value);
    let sum = 0;
    for (const value of logits.values()) sum += Math.exp(value - max);
    nats += max + Math.log(sum) - logits.get(tokens[at + 1]);
    predicted++;
  }
}
console.log(JSON.stringify({ perplexity: Math.exp(nats / predicted), predictedTokens: predicted, ids: ids.slice(0, 4096) }));
process.exit(0);
