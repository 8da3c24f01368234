import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MatrixCell } from '@quantwright/schemas/hardware/matrix-types';
import type { MatrixResult } from '@quantwright/schemas/rpc/server';
import { matrixPage } from './matrix-page.ts';

const cell = (over: Partial<MatrixCell>): MatrixCell => ({
  kind: 'supported',
  message: 'Runs.',
  runtimeWords: null,
  rule: null,
  source: 'vllm-project/vllm docs/quantization.md',
  kernel: 'marlin',
  versions: null,
  code: null,
  more: [],
  ...over,
});
const columns = [
  { device: 'nvidia-v100', name: 'NVIDIA V100', family: 'Volta' },
  { device: 'nvidia-a100', name: 'NVIDIA A100', family: 'Ampere' },
  { device: 'nvidia-h100', name: 'NVIDIA H100', family: 'Hopper' },
];
const refused = cell({
  kind: 'refused',
  message: 'vLLM on NVIDIA V100: gptq_marlin needs capability 8.0 | 7.5.',
  runtimeWords: 'not <supported>',
  rule: 'VL-01',
  code: 'QC002',
  kernel: null,
});
const answer = (over: Partial<MatrixResult>, method = 'GPTQ 4-bit'): MatrixResult => ({
  format: 'hf-gptq',
  unread: false,
  modelKnown: true,
  matrix: {
    rows: [{ id: 'vllm', method, runtime: 'vllm', runtimeName: 'vLLM', version: null }],
    columns,
    cells: [[refused, cell({}), cell({})]],
    tensorParallel: 1,
  },
  ...over,
});

test('every device has its sign, and devices with one answer share a line', () => {
  const page = matrixPage('config.json', answer({}));
  assert.match(page, /^# Compatibility of config\.json\n/);
  assert.match(page, /\| V100 \| ✗ \|\n\| A100 \| ✓ \|/);
  assert.match(page, /\| A100, H100 \| ✓\sruns \| Runs\. Kernel: marlin\. \| vllm-project/);
});

test('a refusal says why, in the words of the tool, with code, rule and source', () => {
  const page = matrixPage('config.json', answer({}));
  assert.ok(page.includes('needs capability 8.0 \\| 7.5. It says: "not \\<supported\\>"'), 'signs of Markdown stand for themselves');
  assert.ok(page.includes('QC002 · VL-01 · vllm-project/vllm docs/quantization.md'));
});

test('runtime and device are not said again in the sentence, and a runtime without answers is one sentence', () => {
  const rows = ['vLLM', 'SGLang'].map((runtimeName) => ({ id: runtimeName, method: 'GPTQ', runtime: 'vllm' as const, runtimeName, version: null }));
  const nothing = cell({ kind: 'unknown', message: 'No rows.', kernel: null });
  const page = matrixPage(
    'config.json',
    answer({
      matrix: {
        rows,
        columns,
        cells: [
          [refused, cell({}), nothing],
          [nothing, nothing, nothing],
        ],
        tensorParallel: 1,
      },
    }),
  );
  assert.match(page, /\| V100 \| ✗\srefused \| gptq\\_marlin needs/);
  assert.match(page, /Nothing is known of SGLang\./);
  assert.ok(!page.includes('## SGLang') && !page.includes('| SGLang'));
});

test('an unknown model is told, a known one is not', () => {
  assert.match(matrixPage('config.json', answer({ modelKnown: false })), /The model is not known/);
  assert.doesNotMatch(matrixPage('config.json', answer({})), /The model is not known/);
});

test('without a config the page is about methods, and says why', () => {
  const page = matrixPage('package.json', answer({ format: null }));
  assert.match(page, /^# Compatibility of the usual methods\n\npackage\.json is not a quantization config/);
  assert.match(page, /\| GPTQ\s4-bit \| ✓ 2 of 3 \|/);
  assert.match(matrixPage(null, answer({ format: null })), /No config is open/);
  assert.match(matrixPage('x.json', answer({ unread: true })), /cannot be read as a whole/);
});
