import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelsText } from '../commands/bench/kernels.ts';
import { EngineError } from '../errors.ts';
import { loadBinding } from '../jobs/binding.ts';
import { baseCodec, benchCodecs } from './codecs.ts';
import { benchKernels } from './kernels.ts';

const binding = await loadBinding();
const all = Object.keys(benchCodecs);

test('the weights that are timed are computed on as their codecs say, and have finite values that differ', async () => {
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 16;
  };
  for (const [name, make] of Object.entries(benchCodecs)) {
    const weight = await binding.createWeight(make(64, 256, random));
    const values = await weight.dequantize();
    assert.ok(values.every(Number.isFinite) && new Set(values).size >= 4, name);
    const ones = new Float32Array(256).fill(1);
    const sums = await weight.matmul(ones, 1);
    const plain = Array.from({ length: 64 }, (_, row) => values.subarray(row * 256, (row + 1) * 256).reduce((sum, value) => sum + value, 0));
    const largest = Math.max(...plain.map(Math.abs));
    for (const [row, sum] of plain.entries())
      assert.ok(Math.abs(sum - (sums[row] ?? Number.NaN)) < 0.02 * largest, `${name}: row ${row}: ${sums[row]} where ${sum}`);
  }
});

test('every shape, count of rows and codec has a time, and its ratio to the base line', async () => {
  const shapes = [
    { n: 64, k: 128 },
    { n: 32, k: 192 },
  ];
  const result = await benchKernels({ binding, shapes, rows: [1, 9], codecs: all, windows: 1, windowMs: 1 });
  assert.equal(result.rows.length, shapes.length * 2 * all.length);
  for (const { m, n, k, microseconds, ratio } of result.rows) {
    const base = result.rows.find((row) => row.codec === baseCodec && row.m === m && row.n === n && row.k === k);
    assert.ok(microseconds > 0);
    assert.equal(ratio, (base?.microseconds ?? 0) / microseconds);
  }
  const lines = kernelsText(result).trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^m +n +k +f16 +q8 +ratio/);
  assert.equal(lines.length, 1 + 4);
});

test('what cannot be timed is refused, with what can', async () => {
  const refused = (codecs: readonly string[], n: number, k: number, words: RegExp) =>
    assert.rejects(
      benchKernels({ binding, shapes: [{ n, k }], rows: [1], codecs }),
      (cause: unknown) => cause instanceof EngineError && cause.kind === 'input' && words.test(cause.message),
    );
  await refused(['q7'], 64, 128, /no codec "q7".*q8/);
  await refused(['q4'], 64, 100, /multiple/);
  await refused(['q4'], 2 ** 20, 2 ** 20, /larger/);
});
