// Quantizes an ONNX model, weight by weight: every MatMul or Gemm with a constant matrix becomes a MatMulNBits node; everything else is kept as it is.
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { DenseSource, NativeBinding } from '@quantwright/native/binding';
import type { Recipe, WeightRecipe } from '@quantwright/schemas/recipe/recipe';
import type { QuantizeParams, QuantizeProgress, QuantizeResult } from '@quantwright/schemas/rpc/engine';
import { type Calibration, prepareCalibration } from '../calibration/prepare.ts';
import { transpose } from '../checkpoint/transposed.ts';
import { EngineError } from '../errors.ts';
import { watchPeakMemory } from '../jobs/peak-memory.ts';
import type { AffineMatrix, LayerInputs, Method, ModuleScheme } from '../methods/method.ts';
import { methodOf } from '../methods/registry.ts';
import { refuseNotFinite } from '../pipeline/apply.ts';
import { judgeConfig } from '../pipeline/judge.ts';
import type { QuantizeHooks } from '../pipeline/quantize.ts';
import { type OnnxInputs, openOnnxInputs } from './inputs.ts';
import { type OnnxLinear, onnxLinears } from './linears.ts';
import { type OnnxModel, type OnnxWeights, openOnnx, openOnnxWeights } from './model.ts';
import { blockSize, nbitsOf, nbitsSizes } from './nbits.ts';
import { type GraphProto, type NodeProto, newNode, newOpset, type TensorProto } from './proto.ts';
import { loadOnnxRuntime } from './runtime.ts';
import { createOnnxWriter, type OnnxWriter } from './writer.ts';

export type OnnxHooks = Omit<QuantizeHooks, 'onProgress'> & { readonly onProgress?: ((progress: QuantizeProgress) => void) | undefined };

/** Above this, a model of one file would come near the 2 GiB that protocol buffers can have. */
const mostInside = 1_800_000_000;
const partBits = [4, 8];
/** Of Hessians that are held while the sequences run. */
const hessianBytes = 2 ** 30;

type PlannedLinear = OnnxLinear & { readonly weights: WeightRecipe; readonly scheme: ModuleScheme; readonly bytes: number };

/** `params.modelDir`: the .onnx file, `params.outDir`: the file to write. Throws EngineError as `quantizeModel`. */
export async function quantizeOnnx(params: QuantizeParams, hooks: OnnxHooks): Promise<QuantizeResult> {
  const started = performance.now();
  const memory = watchPeakMemory();
  const { recipe, warnings } = await judgeConfig(params.configPath, null);
  const method = methodOf(recipe);
  refuseRecipe(recipe, method, params.configPath);
  const calibrated = method.needs.observe.length > 0;
  const runtime = calibrated ? loadOnnxRuntime(method.id) : null;
  const model = await openOnnx(params.modelDir);
  const calibration = calibrated ? await calibrationOf(params, recipe, method, model) : null;
  const { linears, left } = onnxLinears(model, recipe);
  if (linears.length === 0) {
    throw new EngineError('input', `${params.modelDir} has no MatMul or Gemm with a constant matrix of float or float16 that the config quantizes`, {
      file: params.modelDir,
    });
  }
  const planned = linears.map((linear) => plan(recipe, method, linear));
  const outputBytes = planned.reduce((sum, { bytes }) => sum + bytes, 0);
  const inputBytes = planned.reduce((sum, { rows, cols, type }) => sum + rows * cols * (type === 'f32' ? 4 : 2), 0);
  hooks.onProgress?.({ phase: 'plan', blocks: 1, modules: planned.length, inputBytes, outputBytes, peakMemoryBytes: peakMemory(model, planned) });
  const binding = await hooks.loadBinding();
  const external = model.dataFiles.length > 0 || model.fileBytes - inputBytes + outputBytes > mostInside;
  const writer = await createOnnxWriter(params.outDir, { external, overwrite: params.overwrite ?? false });
  const weights = await openOnnxWeights(model, binding);
  let inputs: OnnxInputs | null = null;
  try {
    if (runtime !== null && calibration !== null) {
      const { sequences } = calibration;
      inputs = await openOnnxInputs(runtime, binding, model, planned, {
        sequences,
        dampPercent: recipe.dampPercent,
        budgetBytes: hessianBytes,
        signal: hooks.signal,
        onProgress: (sequencesDone) => hooks.onProgress?.({ phase: 'calibrate', block: 0, blocks: 1, sequencesDone, sequences: sequences.length }),
      });
    }
    const modules = await rewrite({ model, planned, method, binding, weights, writer, hooks, memory, inputs });
    const written = await writer.finish(model.proto);
    const values = planned.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
    return {
      outDir: params.outDir,
      method: recipe.methods.join('+'),
      saveFormat: 'onnx',
      inputBytes: model.fileBytes,
      outputBytes: written,
      bitsPerWeight: (8 * outputBytes) / values,
      seconds: (performance.now() - started) / 1000,
      peakMemoryBytes: memory.peak(),
      modules,
      warnings: [...warnings, ...(calibration?.warnings ?? []), ...(left.length === 0 ? [] : [`stay as they are: ${left.join(', ')}`])],
    };
  } finally {
    await inputs?.close();
    weights.close();
    await writer.abort();
  }
}

/** Exports have config.json and tokenizer.json beside the graph or one folder above. */
async function calibrationOf(params: QuantizeParams, recipe: Recipe, method: Method, model: OnnxModel): Promise<Calibration> {
  const beside = dirname(resolve(params.modelDir));
  const found = await stat(join(beside, 'config.json')).then(
    () => beside,
    () => dirname(beside),
  );
  const { configPath, calibrationPath } = params;
  const place = { modelDir: found, configPath, ...(calibrationPath === undefined ? {} : { calibrationPath }) };
  const calibration = await prepareCalibration(recipe, method, place);
  const ids = model.graph.input.find(({ name }) => name === 'input_ids')?.type?.tensorType?.shape?.dim.at(-1)?.dimValue ?? 0n;
  if (ids <= 0n) return calibration;
  // A graph that was exported for one length runs on no other.
  const sequences = calibration.sequences.filter((sequence) => sequence.length >= Number(ids)).map((sequence) => sequence.subarray(0, Number(ids)));
  if (sequences.length > 0) return { ...calibration, sequences };
  throw new EngineError('config', `${params.modelDir} runs on ${ids} tokens at a time; set "sequence_length" of the calibration to at least ${ids}`, {
    file: params.configPath,
  });
}

function refuseRecipe({ methods, activations }: Recipe, method: Method, file: string): void {
  const message =
    activations !== null
      ? 'ONNX models are quantized weight-only here; leave compute_method out'
      : methods.length > 1 || !['rtn', 'instant_quant', 'gptq'].includes(method.id)
        ? `ONNX models can be quantized by rtn, instant_quant and gptq, not by ${methods.join(' + ')}`
        : null;
  if (message !== null) throw new EngineError('config', `${file}: ${message}`, { file, findings: [{ code: 'QC017', message }] });
}

function plan(recipe: Recipe, method: Method, linear: OnnxLinear & { readonly weights: WeightRecipe }): PlannedLinear {
  const { weights, module, rows, cols, type } = linear;
  const refuse = (why: string): never => {
    throw new EngineError('config', `${module}: ${why}`, { tensor: module, findings: [{ code: 'QC005', message: `${module}: ${why}` }] });
  };
  if (weights.dtype !== 'int' || !partBits.includes(weights.bits)) refuse(`MatMulNBits runs with 4 or 8 bits, not ${weights.bits}; use uint4 or uint8`);
  if (blockSize(weights.groupSize, cols) === null)
    refuse(`groups of ${weights.groupSize} weights do not consist of the blocks of MatMulNBits (16, 32, 64, 128 or 256); use "group_size": 32 or 128`);
  if (weights.descAct && !weights.staticGroups && weights.groupSize !== -1 && method.needs.observe.length > 0)
    refuse('MatMulNBits has its blocks in the order of columns; use "desc_act": false, or "static_groups": true with it');
  // Zero points are integers in its blocks.
  const asked = recipe.dialect ?? method.defaultDialect;
  const dialect = asked === 'instant_quant' ? 'ist' : asked;
  const scheme: ModuleScheme = {
    weights: { ...weights, descAct: weights.descAct && weights.staticGroups && method.needs.observe.length > 0 },
    dialect,
    mseSearch: recipe.mseSearch,
    fullRange: recipe.fullRange,
    scaleType: type,
    recipe,
  };
  const { codeBytes, scaleBytes, zeroBytes } = nbitsSizes({ ...linear, rows, cols }, weights.bits, weights.groupSize, dialect !== 'awq' && weights.symmetric);
  return { ...linear, scheme, bytes: codeBytes + scaleBytes + zeroBytes };
}

/** The model's bytes where they are one file, and the largest matrix as it is stored, widened, transposed and in codes. */
function peakMemory(model: OnnxModel, planned: readonly PlannedLinear[]): number {
  const largest = Math.max(...planned.map(({ rows, cols, transposed }) => rows * cols * (transposed ? 11 : 7)));
  return process.memoryUsage.rss() + 2 * (model.dataFiles.length > 0 ? 0 : model.fileBytes) + largest;
}

interface Rewriting {
  readonly model: OnnxModel;
  readonly planned: readonly PlannedLinear[];
  readonly method: Method;
  readonly binding: NativeBinding;
  readonly weights: OnnxWeights;
  readonly writer: OnnxWriter;
  readonly hooks: OnnxHooks;
  readonly memory: { sample(): void };
  /** Null: the method needs none. */
  readonly inputs: OnnxInputs | null;
}

/** Changes the graph in place; returns a row for each linear. */
async function rewrite({ model, planned, method, binding, weights, writer, hooks, memory, inputs }: Rewriting): Promise<QuantizeResult['modules']> {
  const { graph, proto } = model;
  const added: TensorProto[] = [];
  const replaced = new Map<NodeProto, readonly NodeProto[]>();
  const known = new Map<string, readonly TensorProto[]>();
  const modules: QuantizeResult['modules'][number][] = [];
  const total = planned.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const [index, linear] of planned.entries()) {
    hooks.signal?.throwIfAborted();
    const { node, bias, weight, rows, cols, bytes, scheme, module } = linear;
    const matrix = await quantized(linear, method, binding, weights, inputs === null ? undefined : await inputs.of(linear));
    const output = node.output[0] ?? '';
    const product = bias === null ? output : `${output}_without_bias`;
    const made = await nbitsOf(binding, linear, matrix, product);
    // Two nodes may multiply with the same matrix.
    if (!known.has(weight.name)) {
      for (const tensor of made.tensors) await writer.store(tensor, tensor.rawData);
      added.push(...made.tensors);
      known.set(weight.name, made.tensors);
    }
    const sum = bias === null ? [] : [newNode({ name: `${made.node.name}_bias`, opType: 'Add', input: [product, bias], output: [output] }, {})];
    replaced.set(node, [made.node, ...sum]);
    weights.release(weight.name);
    memory.sample();
    done += bytes;
    modules.push({ module, codec: `MatMulNBits ${scheme.weights.bits} bits`, bitsPerWeight: (8 * bytes) / (rows * cols), sqnrDb: matrix.sqnrDb });
    hooks.onProgress?.({
      ...{ phase: 'module', block: 0, blocks: 1, module, index, modules: planned.length, bytesDone: done, bytesTotal: total, etaSeconds: null },
      sqnrDb: matrix.sqnrDb,
    });
  }
  graph.node = graph.node.flatMap((node) => replaced.get(node) ?? [node]);
  const used = namesUsed(graph);
  const gone = new Set(planned.map(({ weight }) => weight.name).filter((name) => !used.has(name)));
  const kept = graph.initializer.filter(({ name }) => !gone.has(name));
  for (const tensor of kept) if (tensor.dataLocation === 1) await writer.store(tensor, weights.bytes(tensor));
  graph.initializer = [...kept, ...added];
  // Before IR version 4 every initializer was an input too.
  graph.input = graph.input.filter(({ name }) => !gone.has(name));
  if (!proto.opsetImport.some(({ domain }) => domain === 'com.microsoft')) proto.opsetImport.push(newOpset('com.microsoft', 1));
  return modules;
}

/** Values that nodes read, also in the bodies of branches and loops, and what the graph gives out. */
function namesUsed(graph: GraphProto): ReadonlySet<string> {
  const bodies = graph.node.flatMap(({ attribute }) => attribute.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs])));
  const inBodies = bodies.flatMap((body) => [...namesUsed(body)]);
  return new Set([...graph.node.flatMap(({ input }) => input), ...graph.output.map(({ name }) => name), ...inBodies]);
}

async function turned(binding: NativeBinding, stored: DenseSource): Promise<DenseSource> {
  const values = transpose(await binding.widen(stored), stored.rows, stored.cols);
  return { type: 'f32', rows: stored.cols, cols: stored.rows, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

async function quantized(
  linear: PlannedLinear,
  method: Method,
  binding: NativeBinding,
  weights: OnnxWeights,
  inputs: LayerInputs | undefined,
): Promise<AffineMatrix> {
  const { weight, rows, cols, transposed, scheme } = linear;
  const stored = weights.dense(weight.name);
  if (stored === null) throw new Error(`${weight.name} is no matrix`);
  const source: DenseSource = transposed ? await turned(binding, stored) : stored;
  const matrix = await method.quantizeModule(binding, source, scheme, inputs);
  refuseNotFinite(matrix, weight.name, linear.module);
  if (matrix.kind !== 'affine' || matrix.rows !== rows || matrix.cols !== cols) throw new Error(`${weight.name} was not rounded to integers`);
  return matrix;
}
