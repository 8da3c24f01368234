// The whole-model flow for comparison: loads every weight, quantizes all of them, keeps both, writes one file. The same native rounding and packing as the product,
// so that only the flow differs.   node bench/peers/naive-quantize.mjs MODEL_DIR OUT_FILE   prints JSON: seconds, peakBytes
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadNative } from '../../native/out/load.js';

const [directory, out] = process.argv.slice(2);
const native = await loadNative();
if (!native.ok) throw new Error(native.reason);
const { binding } = native;
const began = performance.now();
const model = [];
for (const name of readdirSync(directory)
  .filter((file) => file.endsWith('.safetensors'))
  .sort()) {
  const bytes = readWhole(join(directory, name));
  const length = Number(bytes.readBigUInt64LE());
  for (const [tensor, info] of Object.entries(JSON.parse(bytes.toString('utf8', 8, 8 + length)))) {
    if (tensor === '__metadata__') continue;
    const [from, to] = info.data_offsets;
    model.push({ tensor, shape: info.shape, data: bytes.subarray(8 + length + from, 8 + length + to) });
  }
}
const options = { dialect: 'ist', bits: 4, symmetric: true, groupSize: 128, scaleType: 'f16' };
const quantized = [];
for (const { tensor, shape, data } of model) {
  if (!/layers\.\d+\..*proj\.weight$/.test(tensor)) {
    quantized.push([data]);
    continue;
  }
  const [rows, cols] = shape;
  const { codes, scale, zero } = await binding.quantizeRtn({ type: 'bf16', rows, cols, data }, options);
  quantized.push([await binding.packGptq(codes, rows, cols, 4), scale, zero]);
}
const file = openSync(out, 'w');
for (const part of quantized.flat()) writeSync(file, part);
closeSync(file);
const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000, peakBytes: Number(peak?.[1] ?? 0) * 1024 }));

function readWhole(path) {
  const { size } = statSync(path);
  const bytes = Buffer.alloc(size);
  const handle = openSync(path, 'r');
  for (let done = 0; done < size; ) done += readSync(handle, bytes, done, Math.min(2 ** 30, size - done), done);
  closeSync(handle);
  return bytes;
}
