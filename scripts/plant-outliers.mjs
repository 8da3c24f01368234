// Makes a variant of a model that computes the same and has activation outliers, as large language models have: a few channels, the same in every
// block, tens of times larger than the others (arXiv 2208.07339 section 4, arXiv 2211.10438 section 3). What produces a channel is multiplied by a
// scale, and the weights that read it are divided by it.
//   node scripts/plant-outliers.mjs MODEL_DIR OUT_DIR [--channels 4] [--scale 64] [--places norms,values,mlp] [--seed 1]
// places: norms (norm -> q, k, v and gate, up; the default), values (v -> o), mlp (up -> down, where that is linear in up). Scales are powers of two, so
// that nothing is rounded: weights keep their type, or become f32 where a norm is 1 + weight and the type cannot hold it. The same arguments give the
// same model; the channels are written to OUT_DIR/planted-outliers.json. Needs the compiled project (npm run build).
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const engine = (path) => import(join(dirname(fileURLToPath(import.meta.url)), '..', 'engine', 'out', path));
const [{ openCheckpoint }, { mapCheckpoint }, { readJsonObject }, { createCheckpoint }, { parseModelConfig }, { scalingPairs }, { loadBinding }, codes] =
  await Promise.all(
    ['checkpoint/checkpoint', 'checkpoint/mapped', 'checkpoint/json-file', 'checkpoint/sharded-writer', 'model/config', 'model/scaling-pairs', 'jobs/binding']
      .concat('pipeline/layouts/codes')
      .map((path) => engine(`${path}.js`)),
  );

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    channels: { type: 'string', default: '4' },
    scale: { type: 'string', default: '64' },
    places: { type: 'string', default: 'norms' },
    seed: { type: 'string', default: '1' },
  },
});
const [modelDir, outDir] = positionals;
const count = Number(options.channels);
const scale = Number(options.scale);
const places = options.places.split(',');
if (modelDir === undefined || outDir === undefined)
  fail('usage: node scripts/plant-outliers.mjs MODEL_DIR OUT_DIR [--channels 4] [--scale 64] [--places norms,values,mlp] [--seed 1]');
if (!Number.isInteger(count) || count < 1) fail(`--channels ${options.channels}: a whole number from 1 on is needed`);
if (!(scale > 1) || !Number.isInteger(Math.log2(scale))) fail(`--scale ${options.scale}: a power of two above 1 is needed; others would round the weights`);
const unknown = places.find((place) => !['norms', 'values', 'mlp'].includes(place));
if (unknown !== undefined) fail(`--places: ${unknown} is none of norms, values and mlp`);

const config = parseModelConfig(await readJsonObject(join(modelDir, 'config.json'), 1 << 24), join(modelDir, 'config.json'));
const binding = await loadBinding();
const mapped = mapCheckpoint(await openCheckpoint(modelDir), binding);
const pairs = Array.from({ length: config.shape.layers }, (_, layer) => pairsOf(layer)).flat();
const missing = places.find((place) => !pairs.some((pair) => pair.place === place));
if (missing !== undefined) fail(`${config.architecture.modelType} has no pair of linears for --places ${missing} whose function a scale leaves as it is`);

const channels = Object.fromEntries(
  places.map((place) => {
    const widths = pairs.filter((pair) => pair.place === place).map(({ width }) => width);
    if (count > Math.min(...widths)) fail(`--channels ${count}: ${place} have ${Math.min(...widths)}`);
    return [place, chosen(place, Math.min(...widths))];
  }),
);

// Factors of rows, columns and elements of vectors, by tensor.
const edits = new Map();
for (const pair of pairs) {
  for (const channel of channels[pair.place]) {
    if (pair.producer.kind === 'norm') {
      edit(`${pair.producer.module}.weight`, 'values', channel, scale, pair.producer.offset);
      if (pair.producer.bias) edit(`${pair.producer.module}.bias`, 'values', channel, scale);
    } else {
      const name = `${pair.producer.module}.weight`;
      const row = rowsOf(name) - pair.width + channel;
      edit(name, 'rows', row, scale);
      if (mapped.checkpoint.has(`${pair.producer.module}.bias`)) edit(`${pair.producer.module}.bias`, 'values', row, scale);
    }
    for (const consumer of pair.consumers) for (const column of pair.columns(channel)) edit(`${consumer}.weight`, 'columns', column, 1 / scale);
  }
}

const tensors = [];
for (const { name, dtype, shape } of mapped.checkpoint.names.map((name) => mapped.checkpoint.info(name))) {
  const change = edits.get(name);
  if (change === undefined) tensors.push({ name, dtype, shape, data: () => mapped.read(name) });
  else tensors.push({ name, shape, ...stored(dtype, scaled(await mapped.floats(name), shape, change)) });
}
await mkdir(outDir, { recursive: true });
const writer = await createCheckpoint(
  outDir,
  tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
  { maxShardBytes: 5_000_000_000 },
);
for (const { name, data } of tensors) await writer.write(name, data());
await writer.finish();
for (const entry of await readdir(modelDir)) {
  if (/\.(json|jinja|model|txt)$|^LICEN[CS]E|^NOTICE/.test(entry) && !entry.endsWith('.index.json')) await copyFile(join(modelDir, entry), join(outDir, entry));
}
const planted = { source: 'scripts/plant-outliers.mjs', scale, seed: Number(options.seed), channels };
await writeFile(join(outDir, 'planted-outliers.json'), `${JSON.stringify(planted, null, 2)}\n`);
console.log(`${outDir}: x ${scale} in ${places.map((place) => `${place} ${channels[place].join(', ')}`).join('; ')} of ${config.shape.layers} blocks`);

/** Places of a block; `columns`: of the consumers, that read a channel. */
function pairsOf(layer) {
  const { heads, kvHeads, headDim } = config.shape;
  const found = scalingPairs(config, layer).map((pair) => ({
    ...pair,
    place: pair.producer.kind === 'norm' ? 'norms' : pair.input === 'o_proj' ? 'values' : 'mlp',
    columns: (channel) => [channel],
  }));
  const attention = found.find(({ input }) => input === 'attention');
  if (config.classic === null && heads !== kvHeads) {
    // Heads that share a value read its channel each in a column of their own.
    const shared = heads / kvHeads;
    found.push({
      place: 'values',
      producer: { kind: 'linear', module: attention.consumers.at(-1) },
      width: kvHeads * headDim,
      consumers: [attention.producer.module.replace(/[^.]+$/, 'self_attn.o_proj')],
      columns: (channel) => Array.from({ length: shared }, (_, head) => (Math.floor(channel / headDim) * shared + head) * headDim + (channel % headDim)),
    });
  }
  return found.filter(({ place }) => places.includes(place));
}

/** `count` of `width` channels, ascending: the smallest of a hash. */
function chosen(place, width) {
  const hash = (channel) => {
    let state = Math.imul(channel + 1, 0x9e3779b1) ^ Math.imul(Number(options.seed) + 1, 0x85ebca6b) ^ Math.imul(place.length, 0xc2b2ae35);
    for (let round = 0; round < 3; round++) {
      state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
      state ^= state >>> 12;
    }
    return state >>> 0;
  };
  const all = Array.from({ length: width }, (_, channel) => channel).sort((a, b) => hash(a) - hash(b));
  return all.slice(0, count).sort((a, b) => a - b);
}

function rowsOf(name) {
  const { shape } = mapped.checkpoint.info(name);
  return config.classic?.transposed === true ? shape[1] : shape[0];
}

function edit(name, what, index, factor, offset = 0) {
  const change = edits.get(name) ?? { rows: new Map(), columns: new Map(), values: new Map(), offset };
  change[what].set(index, (change[what].get(index) ?? 1) * factor);
  edits.set(name, change);
}

function scaled(values, shape, { rows, columns, values: elements, offset }) {
  for (const [index, factor] of elements) values[index] = (values[index] + offset) * factor - offset;
  if (shape.length < 2) return values;
  const transposed = config.classic?.transposed === true;
  const [height, width] = transposed ? [shape[1], shape[0]] : shape;
  const at = (row, column) => (transposed ? column * height + row : row * width + column);
  for (const [row, factor] of rows) for (let column = 0; column < width; column++) values[at(row, column)] *= factor;
  for (const [column, factor] of columns) for (let row = 0; row < height; row++) values[at(row, column)] *= factor;
  return values;
}

/** In the type of the source where that holds every value, else in f32. */
function stored(dtype, values) {
  const type = { F16: 'f16', BF16: 'bf16' }[dtype];
  if (type === undefined || !values.every((value) => kept(value, dtype))) return { dtype: 'F32', data: () => values };
  return { dtype, data: () => codes.encodeFloats(values, type) };
}

function kept(value, dtype) {
  if (value === 0) return true;
  // Digits behind the leading one, and the exponents of normal numbers; below them fewer digits are left.
  const [digits, least, most] = dtype === 'F16' ? [10, -14, 15] : [7, -126, 127];
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  return exponent <= most && Number.isInteger(value / 2 ** (Math.max(exponent, least) - digits));
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
