// How long the files beside a config take to read: headers of a synthetic model of 200 shards (sparse files), cold, and again when nothing changed.
// Run after a build: `node bench/headers.mjs`. Targets: below 200 ms cold, below 5 ms cached.
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createModelFilesCache, readModelFiles } from '../schemas/out/node/model-files.js';

const SHARDS = 200;
const TENSORS_EACH = 100;
const directory = await mkdtemp(join(tmpdir(), 'headers-'));
try {
  const weightMap = {};
  for (let shard = 0; shard < SHARDS; shard += 1) {
    const name = `model-${String(shard + 1).padStart(5, '0')}-of-${String(SHARDS).padStart(5, '0')}.safetensors`;
    const header = {};
    let end = 0;
    for (let tensor = 0; tensor < TENSORS_EACH; tensor += 1) {
      const key = `model.layers.${shard}.mlp.experts.${tensor}.down_proj.weight`;
      header[key] = { dtype: 'BF16', shape: [7168, 2048], data_offsets: [end, end + 7168 * 2048 * 2] };
      end += 7168 * 2048 * 2;
      weightMap[key] = name;
    }
    const json = Buffer.from(JSON.stringify(header));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(json.length));
    const file = await open(join(directory, name), 'w');
    await file.write(Buffer.concat([prefix, json]), 0, null, 0);
    await file.truncate(8 + json.length + end);
    await file.close();
  }
  await writeFile(join(directory, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }));
  await writeFile(join(directory, 'config.json'), '{}');

  const median = (times) => [...times].sort((a, b) => a - b)[times.length >> 1];
  const timed = async (cache) => {
    const begun = performance.now();
    const files = await readModelFiles(directory, 'config.json', cache);
    return { milliseconds: performance.now() - begun, files };
  };
  const cold = [];
  for (let run = 0; run < 5; run += 1) cold.push((await timed(createModelFilesCache())).milliseconds);
  const cache = createModelFilesCache();
  const { files } = await timed(cache);
  const cached = [];
  for (let run = 0; run < 15; run += 1) cached.push((await timed(cache)).milliseconds);
  console.log(`${SHARDS} shards, ${files.tensors.tensors.size} tensors, ${files.tensors.modules.length} modules, ${files.tensors.problems.length} problems`);
  console.log(`cold ${median(cold).toFixed(1)} ms (first ${cold[0].toFixed(1)} ms), cached ${median(cached).toFixed(2)} ms`);
} finally {
  await rm(directory, { recursive: true, force: true });
}
