// What `quantize` writes, the loader reads: every method, dialect, width and save format that the check accepts, on a model with odd row lengths.
// The loaded weight must be the method's own result to the last bit, and the module list of the report must agree with it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '@quantwright/engine/checkpoint/checkpoint';
import { isJsonObject } from '@quantwright/engine/checkpoint/json-file';
import { mapCheckpoint } from '@quantwright/engine/checkpoint/mapped';
import { readQuantization } from '@quantwright/engine/checkpoint/quantized/config';
import { readLinear } from '@quantwright/engine/checkpoint/quantized/linear';
import { dequantize } from '@quantwright/engine/commands/tensor';
import { methodOf } from '@quantwright/engine/methods/registry';
import { ownTarget } from '@quantwright/engine/pipeline/judge';
import { layoutOf } from '@quantwright/engine/pipeline/layouts/registry';
import { quantizeModel } from '@quantwright/engine/pipeline/quantize';
import { checkConfig } from '@quantwright/schemas/check/check';
import { moduleWeights } from '@quantwright/schemas/recipe/module-weights';
import { writeTinyModel } from '../support/engine-tiny-model.ts';
import { createWorkspace } from '../support/engine-workspace.ts';
import { goldenBinding } from './binding.ts';

const binding = await goldenBinding();
const modules: readonly { readonly name: string; readonly rows: (size: Size) => number; readonly cols: (size: Size) => number }[] = [
  { name: 'model.layers.0.self_attn.k_proj', rows: () => 32, cols: (size) => size.hiddenSize },
  { name: 'model.layers.1.mlp.down_proj', rows: (size) => size.hiddenSize, cols: (size) => size.intermediateSize },
];
interface Size {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
}
const odd: Size = { hiddenSize: 60, intermediateSize: 172 };
const even: Size = { hiddenSize: 64, intermediateSize: 160 };

const dialects = ['ist', 'qllm', 'inc', 'awq', 'compressed_tensors'];
const rtnConfigs = dialects.flatMap((dialect) =>
  ['int8', 'uint4'].flatMap((weight_format) => [true, false].map((symmetric) => ({ quant_method: 'rtn', dialect, weight_format, symmetric }))),
);
const cases: readonly { readonly config: Readonly<Record<string, unknown>>; readonly size: Size }[] = [
  ...['int8', 'uint4'].flatMap((weight_format) =>
    [-1, 32, 64].map((group_size) => ({ config: { quant_method: 'instant_quant', weight_format, group_size }, size: odd })),
  ),
  { config: { quant_method: 'instant_quant', weight_format: 'int8', compute_method: 'activate_quant' }, size: odd },
  { config: { quant_method: 'instant_quant', weight_format: 'int8', compute_method: 'activate_quant', save_format: 'compressed-tensors' }, size: even },
  { config: { quant_method: 'instant_quant', weight_format: 'uint4', group_size: 32, save_format: 'gptq' }, size: even },
  { config: { quant_method: 'rtn', weight_format: 'int8', compute_method: 'activate_quant' }, size: even },
  { config: { quant_method: 'rtn', weight_format: 'int8', compute_method: 'activate_quant', symmetric: false }, size: even },
  { config: { quant_method: 'rtn', weight_format: 'uint3', group_size: 32, save_format: 'gptq_v2' }, size: even },
  { config: { quant_method: 'rtn', weight_format: 'uint2', group_size: 20, save_format: 'quantwright' }, size: odd },
  { config: { quant_method: 'rtn', weight_format: 'int3', group_size: 16, save_format: 'quantwright' }, size: odd },
  { config: { quant_method: 'rtn', weight_format: 'int2', group_size: 32, save_format: 'compressed-tensors' }, size: even },
  {
    config: {
      quant_method: 'rtn',
      weight_format: 'uint4',
      group_size: 32,
      save_format: 'quantwright',
      overrides: { '.*down_proj': { weight_format: 'int8', group_size: -1 } },
      ignore: ['.*q_proj'],
    },
    size: odd,
  },
  {
    config: {
      quant_method: 'rtn',
      weight_format: 'uint4',
      group_size: 32,
      save_format: 'compressed-tensors',
      overrides: { '.*down_proj': { weight_format: 'uint8' } },
      ignore: ['.*q_proj'],
    },
    size: even,
  },
  ...rtnConfigs.flatMap((config) => [
    { config: { ...config, group_size: 48, save_format: 'quantwright' }, size: odd },
    { config: { ...config, group_size: 32, save_format: 'gptq' }, size: even },
    { config: { ...config, group_size: -1, save_format: 'compressed-tensors' }, size: even },
  ]),
];

for (const { config, size } of cases) {
  test(`the loader reads what quantize wrote: ${JSON.stringify(config)}`, async (t) => {
    const workspace = createWorkspace(t);
    const modelDir = await writeTinyModel(workspace.path('model'), { ...size, layers: 2 });
    const configPath = workspace.write('a.quant.json', config);
    const result = await quantizeModel({ modelDir, configPath, outDir: workspace.path('out') }, { loadBinding: async () => binding });

    const modelConfigText = readFileSync(join(modelDir, 'config.json'), 'utf8');
    const { recipe } = checkConfig({ fileName: configPath, text: JSON.stringify(config), modelConfigText, targets: [ownTarget] });
    assert.ok(recipe !== null);
    const source = mapCheckpoint(await openCheckpoint(modelDir), binding);
    const written = mapCheckpoint(await openCheckpoint(workspace.path('out')), binding);
    const outConfig: unknown = JSON.parse(readFileSync(workspace.path('out/config.json'), 'utf8'));
    assert.ok(isJsonObject(outConfig));
    const quantization = await readQuantization(workspace.path('out'), outConfig);
    for (const { name, rows, cols } of modules) {
      const weights = moduleWeights(recipe)(name);
      assert.ok(weights !== null);
      const method = methodOf(recipe);
      const matrix = await method.quantizeModule(binding, source.dense(`${name}.weight`), layoutOf(recipe).scheme(recipe, method, weights));
      assert.ok(matrix.kind === 'affine');
      const loaded = await readLinear(written, { module: name, rows: rows(size), cols: cols(size) }, quantization, binding);
      const weight = await binding.createWeight(loaded.spec);
      const report = result.modules.find((row) => row.module === name);
      assert.equal(weight.codec, report?.codec);
      assert.deepEqual(await weight.dequantize(), dequantize(matrix), name);
      assert.equal(report?.sqnrDb, matrix.sqnrDb);
    }
    source.close();
    written.close();
  });
}
