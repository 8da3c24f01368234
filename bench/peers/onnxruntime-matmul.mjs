// Peer: onnxruntime's quantized matrix products. Prints one JSON line: microseconds per product by m.
//   node bench/peers/onnxruntime-matmul.mjs N K BLOCK_SIZE THREADS M...
// BLOCK_SIZE: of MatMulNBits with 4 bits and int8 accumulation; 0: DynamicQuantizeMatMul, int8 per output channel.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { dynamicQuantizeMatMulModel, matMulNBitsModel } from '../onnx-writer.mjs';

const [n, k, blockSize, threads, ...counts] = process.argv.slice(2).map(Number);
const copies = Math.max(2, Math.min(24, Math.floor(96e6 / (n * k * (blockSize === 0 ? 1 : 0.53)))));
const model = blockSize === 0 ? dynamicQuantizeMatMulModel({ n, k, copies }) : matMulNBitsModel({ n, k, blockSize, accuracyLevel: 4, copies });
const session = await InferenceSession.create(model, {
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
});
const microseconds = {};
for (const m of counts) {
  const x = new Float32Array(m * k).map((_, i) => (((i * 40503) >>> 4) & 255) * 0.01 - 1.28);
  const feeds = { A: new Tensor('float32', x, [m, k]) };
  await session.run(feeds);
  const times = [];
  for (let total = 0; times.length < 3 || (total < 300 && times.length < 400); ) {
    const start = performance.now();
    await session.run(feeds);
    const time = performance.now() - start;
    times.push(time);
    total += time;
  }
  times.sort((a, b) => a - b);
  microseconds[m] = (times[times.length >> 1] / copies) * 1000;
}
console.log(JSON.stringify(microseconds));
