// The matrix says what the judge says, for every cell, and names rows and columns as people do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { llama, recipeOf } from '../testing/judging.ts';
import { devices } from './devices.ts';
import { compatibilityMatrix } from './matrix.ts';
import { methodPresets } from './method-presets.ts';
import { runtimes } from './runtimes/index.ts';
import { explainSupport } from './support.ts';

const gptq = recipeOf('hf-gptq', { quant_method: 'gptq', bits: 4, group_size: 128, sym: true });
const judged = runtimes.filter(({ rules }) => rules.length > 0);
const none = { model: null, runtimes: [], devices: [], tensorParallel: 1 };

test('a recipe has a row for each runtime with rules and a column for each device, with the decisive verdict in each cell', () => {
  const matrix = compatibilityMatrix({ ...none, recipe: gptq });
  assert.deepEqual(
    matrix.rows.map(({ runtime }) => runtime),
    judged.map(({ id }) => id),
  );
  assert.equal(matrix.columns.length, devices.length);
  matrix.rows.forEach((row, y) => {
    matrix.columns.forEach(({ device }, x) => {
      const [first] = explainSupport(gptq, null, { runtime: row.runtime, version: null, device, tensorParallel: 1 });
      const cell = matrix.cells[y]?.[x];
      assert.equal(cell?.kind, first?.kind);
      assert.equal(cell?.rule, first?.kind === 'supported' ? null : first?.rule);
      assert.ok(cell !== undefined && cell.message !== '' && cell.source !== '');
      assert.equal(cell.kernel === null, cell.kind !== 'supported');
      assert.equal(cell.code === null, cell.kind === 'supported');
    });
  });
});

test('the model, the split and the version reach the judge', () => {
  const model = llama({ hidden: 8192, intermediate: 29568 });
  const cell = (tensorParallel: number) =>
    compatibilityMatrix({ ...none, recipe: gptq, model, runtimes: [{ id: 'transformers', version: null }], devices: ['h100'], tensorParallel }).cells[0]?.[0];
  assert.deepEqual([cell(1)?.kind, cell(2)?.kind, cell(2)?.code], ['supported', 'refused', 'QC001']);
  const awq = methodPresets.filter(({ id }) => id === 'awq-4-g128');
  const versions = [
    { id: 'transformers', version: '4.50' },
    { id: 'transformers', version: '5.18' },
  ] as const;
  const { rows, cells } = compatibilityMatrix({ ...none, recipe: null, presets: awq, runtimes: versions, devices: ['v100'] });
  assert.deepEqual(
    rows.map(({ id }) => id),
    ['awq-4-g128 transformers@4.50', 'awq-4-g128 transformers@5.18'],
  );
  assert.deepEqual(
    cells.map(([cell]) => cell?.kind),
    ['refused', 'supported'],
  );
});

test('LLM.int8 has a kernel of its own on CPUs', () => {
  const presets = methodPresets.filter(({ id }) => id === 'llm-int8');
  const { cells } = compatibilityMatrix({ ...none, recipe: null, presets, runtimes: [{ id: 'quantwright', version: null }], devices: ['x86-avx2'] });
  assert.deepEqual(
    cells[0]?.map(({ kind, kernel }) => [kind, kernel]),
    [['supported', 'llm_int8 (avx2)']],
  );
});

test('without a recipe every preset meets every runtime', () => {
  const { rows, cells, columns } = compatibilityMatrix({ ...none, recipe: null, devices: [null, 'a100', 'abacus'] });
  assert.equal(rows.length, methodPresets.length * judged.length);
  assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length);
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['any device', 'NVIDIA A100', 'abacus'],
  );
  assert.ok(
    cells.every((row) => row[2]?.kind !== 'supported' || row[1]?.kind === 'supported'),
    'an unknown device is never better than a known one',
  );
});

test('presets are whole: the methods that people ask for, each supported somewhere', () => {
  const wanted = ['a16w8', 'a16w4-g128', 'a8w8', 'gptq-4-g128', 'awq-4-g128', 'fp8-block', 'nvfp4', 'mxfp4', 'nf4'];
  assert.deepEqual(
    wanted.filter((id) => methodPresets.every((preset) => preset.id !== id)),
    [],
  );
  const { rows, cells } = compatibilityMatrix({ ...none, recipe: null });
  for (const { name } of methodPresets) {
    assert.ok(
      rows.some((row, index) => row.method === name && cells[index]?.some(({ kind }) => kind === 'supported')),
      name,
    );
  }
});
