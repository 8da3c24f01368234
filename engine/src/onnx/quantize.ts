// Quantizes an ONNX model, weight by weight: every MatMul or Gemm with a constant matrix becomes a MatMulNBits node, or with static activations a MatMul between
// QuantizeLinear and DequantizeLinear; everything else is kept as it is.
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { DenseSource, NativeBinding } from '@quantwright/native/binding';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
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
import type { OnnxForm } from './form.ts';
import { type OnnxInputs, openOnnxInputs } from './inputs.ts';
import { type OnnxLinear, onnxLinears } from './linears.ts';
import { type OnnxModel, type OnnxWeights, openOnnx, openOnnxWeights } from './model.ts';
import { nbitsForm } from './nbits.ts';
import { type GraphProto, type NodeProto, newNode, newOpset, type TensorProto } from './proto.ts';
import { qdqForm } from './qdq.ts';
import { loadOnnxRuntime, type OnnxRuntime } from './runtime.ts';
import { openOnnxStatistics } from './statistics.ts';
import { createOnnxWriter, type OnnxWriter } from './writer.ts';

export type OnnxHooks = Omit<QuantizeHooks, 'onProgress'> & { readonly onProgress?: ((progress: QuantizeProgress) => void) | undefined };

/** Above this, a model of one file would come near the 2 GiB that protocol buffers can have. */
const mostInside = 1_800_000_000;
/** Of Hessians, or of values that are looked at, which are held while the sequences run. */
const observedBytes = 2 ** 30;

type PlannedLinear = OnnxLinear & { readonly scheme: ModuleScheme; readonly bytes: number };

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
  const form = recipe.activations === null ? nbitsForm : qdqForm(model);
  const planned = linears.map((linear): PlannedLinear => {
    const scheme = form.scheme(recipe, method, linear);
    return { ...linear, scheme, bytes: form.bytes(linear, scheme) };
  });
  const outputBytes = planned.reduce((sum, { bytes }) => sum + bytes, 0);
  const inputBytes = planned.reduce((sum, { rows, cols, type }) => sum + rows * cols * (type === 'f32' ? 4 : 2), 0);
  hooks.onProgress?.({ phase: 'plan', blocks: 1, modules: planned.length, inputBytes, outputBytes, peakMemoryBytes: peakMemory(model, planned) });
  const binding = await hooks.loadBinding();
  const external = model.dataFiles.length > 0 || model.fileBytes - inputBytes + outputBytes > mostInside;
  const writer = await createOnnxWriter(params.outDir, { external, overwrite: params.overwrite ?? false });
  const weights = await openOnnxWeights(model, binding);
  let inputs: OnnxInputs | null = null;
  try {
    if (runtime !== null && calibration !== null) inputs = await observe(runtime, binding, model, planned, { recipe, method, calibration, hooks });
    const modules = await rewrite({ model, planned, method, form, binding, weights, writer, hooks, memory, inputs });
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
  const known = ['rtn', 'instant_quant', 'gptq', 'w8a8_static'];
  const message =
    methods.length > 1 || !known.includes(method.id)
      ? `ONNX models can be quantized by ${known.slice(0, -1).join(', ')} and ${known.at(-1)}, not by ${methods.join(' + ')}`
      : activations !== null && method.id !== 'w8a8_static'
        ? 'the activations of ONNX models are quantized by w8a8_static only; use it, or leave compute_method out'
        : activations === null && method.id === 'w8a8_static'
          ? 'w8a8_static without activations is rounding to nearest; use rtn'
          : null;
  if (message !== null) throw new EngineError('config', `${file}: ${message}`, { file, findings: [{ code: 'QC017', message }] });
}

interface Observing {
  readonly recipe: Recipe;
  readonly method: Method;
  readonly calibration: Calibration;
  readonly hooks: OnnxHooks;
}

/** What the method wants to know of inputs. */
function observe(
  runtime: OnnxRuntime,
  binding: NativeBinding,
  model: OnnxModel,
  planned: readonly PlannedLinear[],
  { recipe, method, calibration: { sequences }, hooks }: Observing,
): Promise<OnnxInputs> {
  const statistic = method.statistic?.(recipe);
  const options = {
    sequences,
    budgetBytes: observedBytes,
    signal: hooks.signal,
    onProgress: (sequencesDone: number) => hooks.onProgress?.({ phase: 'calibrate', block: 0, blocks: 1, sequencesDone, sequences: sequences.length }),
  };
  return statistic === undefined
    ? openOnnxInputs(runtime, binding, model, planned, { ...options, dampPercent: recipe.dampPercent })
    : openOnnxStatistics(runtime, binding, model, planned, { ...options, statistic });
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
  readonly form: OnnxForm;
  readonly binding: NativeBinding;
  readonly weights: OnnxWeights;
  readonly writer: OnnxWriter;
  readonly hooks: OnnxHooks;
  readonly memory: { sample(): void };
  /** Null: the method needs none. */
  readonly inputs: OnnxInputs | null;
}

/** Changes the graph in place; returns a row for each linear. */
async function rewrite({ model, planned, method, form, binding, weights, writer, hooks, memory, inputs }: Rewriting): Promise<QuantizeResult['modules']> {
  const { graph, proto } = model;
  const added: TensorProto[] = [];
  const replaced = new Map<NodeProto, readonly NodeProto[]>();
  const known = new Set<string>();
  const modules: QuantizeResult['modules'][number][] = [];
  const total = planned.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const [index, linear] of planned.entries()) {
    hooks.signal?.throwIfAborted();
    const { node, bias, weight, rows, cols, bytes, scheme, module } = linear;
    const matrix = await quantized(linear, method, binding, weights, inputs === null ? undefined : await inputs.of(linear));
    const output = node.output[0] ?? '';
    const product = bias === null ? output : `${output}_without_bias`;
    const made = await form.make(binding, linear, matrix, product);
    // Two nodes may multiply with the same matrix.
    for (const tensor of made.tensors) {
      if (known.has(tensor.name)) continue;
      known.add(tensor.name);
      await writer.store(tensor, tensor.rawData);
      added.push(tensor);
    }
    const sum = bias === null ? [] : [newNode({ name: `${made.nodes.at(-1)?.name}_bias`, opType: 'Add', input: [product, bias], output: [output] }, {})];
    replaced.set(node, [...made.nodes, ...sum]);
    weights.release(weight.name);
    memory.sample();
    done += bytes;
    modules.push({ module, codec: form.describe(scheme), bitsPerWeight: (8 * bytes) / (rows * cols), sqnrDb: matrix.sqnrDb });
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
  const { domain } = form;
  if (domain !== null && !proto.opsetImport.some((known) => known.domain === domain.name)) proto.opsetImport.push(newOpset(domain.name, domain.version));
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
