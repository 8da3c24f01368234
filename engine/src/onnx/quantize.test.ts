// ONNX models, quantized: the graph keeps its meaning, data beside the file is read and written, what does not fit is refused. Values of the written tensors are
// checked by unpacking them here; where onnxruntime-node is installed (bench/), both graphs run in it.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { baseRecipe } from '@quantwright/schemas/recipe/base-recipe';
import fc from 'fast-check';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { readJsonObject } from '../checkpoint/json-file.ts';
import { mapCheckpoint } from '../checkpoint/mapped.ts';
import { logitsOf } from '../eval/logits.ts';
import { loadBinding } from '../jobs/binding.ts';
import { parseModelConfig } from '../model/config.ts';
import { loadModel } from '../model/load.ts';
import { quantizeModel } from '../pipeline/quantize.ts';
import { openOnnxInputs } from './inputs.ts';
import { onnxLinears } from './linears.ts';
import { openOnnx } from './model.ts';
import { blockSize } from './nbits.ts';
import { dataType, encodeModel, newEntry, newGraph, newModel, newNode, newTensor, newValue, type TensorProto } from './proto.ts';
import { loadOnnxRuntime } from './runtime.ts';
import { onnxLlama } from './testing/llama.ts';

const binding = await loadBinding();
const project = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const quill = join(project, 'models', 'quill-16m');

async function workspace(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'quantwright-onnx-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const path = (name: string): string => join(root, name);
  const quantize = async (model: string, config: object, out: string) => {
    await writeFile(path('c.quant.json'), JSON.stringify({ save_format: 'quantwright', ...config }));
    return quantizeModel({ modelDir: path(model), configPath: path('c.quant.json'), outDir: path(out) }, { loadBinding: async () => binding });
  };
  return { root, path, quantize };
}

const values = (count: number, salt: number): Float32Array => Float32Array.from({ length: count }, (_, at) => Math.sin(at * 12.9898 + salt));
const tensor = (name: string, dims: readonly number[], data: Float32Array): TensorProto =>
  newTensor({ name, dims: dims.map(BigInt), dataType: dataType.float, rawData: new Uint8Array(data.buffer) });

/** y = Gemm(MatMul(x, a), b, c), a [40, 64] and b [24, 64] with transB. */
function smallModel() {
  const node = [
    newNode({ name: '/first/MatMul', opType: 'MatMul', input: ['x', 'a'], output: ['h'] }, {}),
    newNode({ name: '/second/Gemm', opType: 'Gemm', input: ['h', 'b', 'c'], output: ['y'] }, { transB: 1 }),
  ];
  const initializer = [tensor('a', [40, 64], values(40 * 64, 1)), tensor('b', [24, 64], values(24 * 64, 2)), tensor('c', [24], values(24, 3))];
  const graph = {
    name: 'small',
    node,
    initializer,
    input: [newValue('x', dataType.float, ['rows', 40])],
    output: [newValue('y', dataType.float, ['rows', 24])],
  };
  return newModel(newGraph(graph), 17);
}

/** [rows, cols] of MatMulNBits' tensors. */
function unpack(tensors: ReadonlyMap<string, TensorProto>, name: string, bits: number, rows: number, cols: number, size: number): Float32Array {
  const [codes, scales, zeros] = [`${name}_Q${bits}`, `${name}_scales`, `${name}_zero_points`].map((one) => tensors.get(one)?.rawData);
  assert.ok(codes !== undefined && scales !== undefined);
  const blocks = Math.ceil(cols / size);
  const field = (bytes: Uint8Array, rowBytes: number, row: number, at: number): number =>
    ((bytes[row * rowBytes + Math.floor((at * bits) / 8)] ?? 0) >> ((at * bits) % 8)) & (2 ** bits - 1);
  const scale = new Float32Array(Uint8Array.from(scales).buffer);
  return Float32Array.from({ length: rows * cols }, (_, at) => {
    const [row, col] = [Math.floor(at / cols), at % cols];
    const block = Math.floor(col / size);
    const zero = zeros === undefined ? 2 ** (bits - 1) : field(zeros, Math.ceil((blocks * bits) / 8), row, block);
    return (field(codes, (blocks * size * bits) / 8, row, col) - zero) * (scale[row * blocks + block] ?? 0);
  });
}

for (const [format, bits, groupSize] of [
  ['uint4', 4, 16],
  ['int4', 4, -1],
  ['uint8', 8, 48],
  ['int8', 8, 32],
] as const) {
  test(`${format} with groups of ${groupSize}: MatMul and Gemm become MatMulNBits of the rounded weights`, async (t) => {
    const { path, quantize } = await workspace(t);
    await writeFile(path('m.onnx'), encodeModel(smallModel()));
    const result = await quantize('m.onnx', { quant_method: 'rtn', weight_format: format, group_size: groupSize }, 'q.onnx');
    const { graph, initializers, proto } = await openOnnx(path('q.onnx'));
    assert.deepEqual(
      graph.node.map(({ opType }) => opType),
      ['MatMulNBits', 'MatMulNBits', 'Add'],
    );
    assert.ok(proto.opsetImport.some(({ domain }) => domain === 'com.microsoft'));
    assert.deepEqual([initializers.has('a'), initializers.has('b'), initializers.has('c')], [false, false, true]);
    for (const [name, rows, cols] of [
      ['a', 64, 40],
      ['b', 24, 64],
    ] as const) {
      const stored = name === 'a' ? values(40 * 64, 1) : values(24 * 64, 2);
      const weight = name === 'a' ? Float32Array.from({ length: rows * cols }, (_, at) => stored[(at % cols) * rows + Math.floor(at / cols)] ?? 0) : stored;
      const bytes = new Uint8Array(weight.buffer);
      const rounded = await binding.quantizeRtn(
        { type: 'f32', rows, cols, data: bytes },
        { dialect: 'ist', bits, symmetric: format.startsWith('int'), groupSize: groupSize === -1 ? cols : Math.min(groupSize, cols), scaleType: 'f32' },
      );
      const groups = rounded.groups;
      const step = groupSize === -1 ? cols : Math.min(groupSize, cols);
      const expected = Float32Array.from({ length: rows * cols }, (_, at) => {
        const group = Math.floor(at / cols) * groups + Math.floor((at % cols) / step);
        return ((rounded.codes[at] ?? 0) - (rounded.zero[group] ?? 0)) * (rounded.scale[group] ?? 0);
      });
      assert.deepEqual(unpack(initializers, name, bits, rows, cols, blockSize(groupSize, cols) ?? 0), expected, name);
    }
    assert.equal(result.modules.length, 2);
  });
}

test('weights in a file beside the model are read from there, and the result has one of its own', async (t) => {
  const { root, path, quantize } = await workspace(t);
  const model = smallModel();
  const data = Buffer.alloc(20_000);
  let offset = 64;
  for (const one of model.graph?.initializer ?? []) {
    data.set(one.rawData, offset);
    one.externalData = [newEntry('location', 'm.bin'), newEntry('offset', String(offset)), newEntry('length', String(one.rawData.length))];
    one.dataLocation = 1;
    offset += one.rawData.length;
    one.rawData = new Uint8Array();
  }
  await writeFile(path('m.bin'), data);
  await writeFile(path('m.onnx'), encodeModel(model));
  await writeFile(path('inside.onnx'), encodeModel(smallModel()));
  const config = { quant_method: 'rtn', weight_format: 'uint8', group_size: 16 };
  await quantize('m.onnx', config, 'q.onnx');
  await quantize('inside.onnx', config, 'p.onnx');
  assert.deepEqual((await readdir(root)).sort(), ['c.quant.json', 'inside.onnx', 'm.bin', 'm.onnx', 'p.onnx', 'q.onnx', 'q.onnx.data']);
  const [outside, inside] = [await openOnnx(path('q.onnx')), await openOnnx(path('p.onnx'))];
  const written = await readFile(path('q.onnx.data'));
  for (const [name, one] of outside.initializers) {
    const at = one.externalData.map(({ value }) => value);
    const bytes = one.dataLocation === 1 ? written.subarray(Number(at[1]), Number(at[1]) + Number(at[2])) : one.rawData;
    assert.deepEqual(Buffer.from(bytes), Buffer.from(inside.initializers.get(name)?.rawData ?? []), name);
  }
  const [first] = model.graph?.initializer ?? [];
  assert.ok(first);
  first.externalData = [newEntry('location', '../m.bin')];
  await writeFile(join(root, '..', 'm.bin'), data);
  t.after(() => rm(join(root, '..', 'm.bin'), { force: true }));
  await writeFile(path('m.onnx'), encodeModel(model));
  await assert.rejects(quantize('m.onnx', config, 'r.onnx'), /its data file \.\.\/m\.bin lies outside of the model's directory/);
});

test('what MatMulNBits cannot hold, and what is no model, is refused in words and leaves nothing', async (t) => {
  const { root, path, quantize } = await workspace(t);
  await writeFile(path('m.onnx'), encodeModel(smallModel()));
  await writeFile(path('text.onnx'), 'this is no model');
  const refused: readonly (readonly [string, object, RegExp])[] = [
    ['m.onnx', { quant_method: 'rtn', weight_format: 'uint3' }, /first: MatMulNBits runs with 4 or 8 bits, not 3/],
    ['m.onnx', { quant_method: 'rtn', weight_format: 'uint4', group_size: 24 }, /groups of 24 weights do not consist of the blocks of MatMulNBits/],
    ['m.onnx', { quant_method: 'rtn', weight_format: 'uint4', ignore: ['first', 'second'] }, /has no MatMul or Gemm with a constant matrix/],
    ['text.onnx', { quant_method: 'rtn', weight_format: 'uint4' }, /text\.onnx is no ONNX model/],
    ['none.onnx', { quant_method: 'rtn', weight_format: 'uint4' }, /none\.onnx: no such file/],
  ];
  for (const [model, config, words] of refused) await assert.rejects(quantize(model, config, 'out.onnx'), words);
  assert.deepEqual((await readdir(root)).sort(), ['c.quant.json', 'm.onnx', 'text.onnx']);
});

test('overrides find matrices by the names of nodes and weights', async (t) => {
  const { path, quantize } = await workspace(t);
  await writeFile(path('m.onnx'), encodeModel(smallModel()));
  const { modules } = await quantize(
    'm.onnx',
    { quant_method: 'rtn', weight_format: 'uint4', group_size: 16, overrides: { second: { weight_format: 'uint8' } } },
    'q.onnx',
  );
  assert.deepEqual(
    modules.map(({ module, codec }) => [module, codec]),
    [
      ['first', 'MatMulNBits 4 bits'],
      ['second', 'MatMulNBits 8 bits'],
    ],
  );
});

test('damaged models never end in anything but words', async (t) => {
  const { path } = await workspace(t);
  const sound = encodeModel(smallModel());
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 255 }), async (at, byte) => {
      const bytes = Uint8Array.from(sound);
      bytes[at] = byte;
      await writeFile(path('d.onnx'), bytes);
      await openOnnx(path('d.onnx')).catch((cause: unknown) => assert.ok(cause instanceof Error && cause.message.includes('d.onnx'), String(cause)));
    }),
    { numRuns: 300 },
  );
});

test('onnxruntime computes on the result what our engine computes with the same rounding', async (t) => {
  interface Runtime {
    readonly InferenceSession: { create(file: string): Promise<{ run(feeds: object): Promise<{ readonly logits: { readonly data: Float32Array } }> }> };
    readonly Tensor: new (type: string, data: BigInt64Array, dims: readonly number[]) => object;
  }
  let ort: Runtime;
  try {
    ort = createRequire(join(project, 'bench', 'package.json'))('onnxruntime-node') as Runtime;
  } catch {
    t.skip('onnxruntime-node is not installed: npm install --no-save --ignore-scripts in bench/');
    return;
  }
  const { path, quantize } = await workspace(t);
  const tokens = 48;
  const mapped = mapCheckpoint(await openCheckpoint(quill), binding);
  const config = parseModelConfig(await readJsonObject(join(quill, 'config.json'), 1e6), quill);
  await writeFile(path('m.onnx'), encodeModel(await onnxLlama(mapped, config, tokens)));
  const ids = Int32Array.from({ length: tokens }, (_, index) => (index * 337 + 5) % 8192);
  const run = async (file: string): Promise<Float32Array> => {
    const session = await ort.InferenceSession.create(file);
    return (await session.run({ input_ids: new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, tokens]) })).logits.data;
  };
  assert.ok(relative(await run(path('m.onnx')), await logitsOf(await loadModel(quill, { binding }), ids)) < 1e-5);
  for (const settings of [{ weight_format: 'uint4', group_size: 32 }, { weight_format: 'int8' }]) {
    const rtn = { quant_method: 'rtn', scale_type: 'float32', ...settings };
    await quantize('m.onnx', rtn, `${settings.weight_format}.onnx`);
    await writeFile(path('c.quant.json'), JSON.stringify({ ...rtn, save_format: 'quantwright' }));
    const outDir = path(settings.weight_format);
    await quantizeModel({ modelDir: quill, configPath: path('c.quant.json'), outDir }, { loadBinding: async () => binding });
    const error = relative(await run(path(`${settings.weight_format}.onnx`)), await logitsOf(await loadModel(outDir, { binding }), ids));
    t.diagnostic(`${settings.weight_format}: relative difference of the logits ${error.toExponential(2)}`);
    assert.ok(error < 1e-3);
  }
});

test('the Hessians that GPTQ gets are those of the values which matrices read in onnxruntime', async (t) => {
  const bench = join(project, 'bench');
  try {
    createRequire(join(bench, 'package.json')).resolve('onnxruntime-node');
  } catch {
    t.skip('onnxruntime-node is not installed: npm install --no-save --ignore-scripts in bench/');
    return;
  }
  process.env['QUANTWRIGHT_ONNXRUNTIME'] = bench;
  t.after(() => delete process.env['QUANTWRIGHT_ONNXRUNTIME']);
  const { path } = await workspace(t);
  const [tokens, hidden, inner] = [50, 40, 64];
  const [table, first] = [values(tokens * hidden, 4), values(hidden * inner, 1)];
  const node = [
    newNode({ name: '/embed', opType: 'Gather', input: ['table', 'input_ids'], output: ['h'] }, {}),
    newNode({ name: '/first/MatMul', opType: 'MatMul', input: ['h', 'a'], output: ['m'] }, {}),
    newNode({ name: '/second/MatMul', opType: 'MatMul', input: ['m', 'b'], output: ['y'] }, {}),
  ];
  const initializer = [tensor('table', [tokens, hidden], table), tensor('a', [hidden, inner], first), tensor('b', [inner, 24], values(inner * 24, 2))];
  const input = [newValue('input_ids', dataType.int64, [1, 'length']), newValue('attention_mask', dataType.int64, [1, 'length'])];
  const output = [newValue('y', dataType.float, [1, 'length', 24])];
  await writeFile(path('m.onnx'), encodeModel(newModel(newGraph({ name: 'two', node, initializer, input, output }), 17)));
  const model = await openOnnx(path('m.onnx'));
  const { linears } = onnxLinears(model, baseRecipe('test', 'test', ['gptq'], { bits: 4, groupSize: 32 }));
  assert.deepEqual(
    linears.map(({ module }) => module),
    ['first', 'second'],
  );
  const sequences = [Int32Array.from({ length: 70 }, (_, at) => (at * 17) % tokens), Int32Array.from({ length: 33 }, (_, at) => (at * 29 + 3) % tokens)];
  const read = sequences.flatMap((ids) => [...ids]).map((id) => [...table.subarray(id * hidden, (id + 1) * hidden)]);
  const made = read.map((row) => Array.from({ length: inner }, (_, col) => row.reduce((sum, value, at) => sum + value * (first[at * inner + col] ?? 0), 0)));
  // A budget of one Hessian: the sequences run once for each.
  const options = { sequences, dampPercent: 0.01, budgetBytes: 1, onProgress: () => {} };
  const inputs = await openOnnxInputs(loadOnnxRuntime('gptq'), binding, model, linears, options);
  try {
    for (const [linear, rows] of [
      [linears[0], read],
      [linears[1], made],
    ] as const) {
      assert.ok(linear !== undefined);
      const { cols } = linear;
      const hessian = Float32Array.from({ length: cols * cols }, (_, at) =>
        rows.reduce((sum, row) => sum + (row[Math.floor(at / cols)] ?? 0) * (row[at % cols] ?? 0), 0),
      );
      const wanted = await binding.factorHessian(hessian, cols, { scale: 2 / sequences.length, dampPercent: 0.01, descAct: false });
      const source = { type: 'f32' as const, rows: 24, cols, data: new Uint8Array(values(24 * cols, 9).buffer) };
      const grid = { bits: 4 as const, symmetric: true, groupSize: 32, scaleType: 'f32' as const };
      const [ours, theirs] = [
        await binding.quantizeGptq(source, wanted, grid),
        await binding.quantizeGptq(source, await (await inputs.of(linear)).factor(false), grid),
      ];
      const different = ours.codes.filter((code, at) => code !== theirs.codes[at]).length;
      assert.ok(different <= ours.codes.length / 100, `${different} of ${ours.codes.length} codes of ${linear.module}`);
      assert.ok(Math.abs(ours.loss / theirs.loss - 1) < 1e-2, `${ours.loss}, ${theirs.loss}`);
    }
  } finally {
    await inputs.close();
  }
});

test('without onnxruntime-node GPTQ says what is missing and how to get it', async (t) => {
  const { path, quantize } = await workspace(t);
  await writeFile(path('m.onnx'), encodeModel(smallModel()));
  const before = process.cwd();
  process.chdir(path('.'));
  t.after(() => process.chdir(before));
  await assert.rejects(
    quantize('m.onnx', { quant_method: 'gptq', weight_format: 'int4', group_size: 32 }, 'q.onnx'),
    /gptq is calibrated by running the model.*npm install onnxruntime-node/,
  );
  assert.deepEqual((await readdir(path('.'))).sort(), ['c.quant.json', 'm.onnx']);
});

function relative(actual: Float32Array, expected: Float32Array): number {
  let error = 0;
  let norm = 0;
  for (const [index, value] of expected.entries()) {
    error += ((actual[index] ?? 0) - value) ** 2;
    norm += value ** 2;
  }
  return Math.sqrt(error / norm);
}
