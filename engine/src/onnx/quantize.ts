// Quantizes an ONNX model, weight by weight: every MatMul or Gemm with a constant matrix becomes a MatMulNBits node, or with static activations a MatMul between
// QuantizeLinear and DequantizeLinear; everything else is kept as it is.
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { DenseSource, NativeBinding } from '@quantwright/native/binding';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import type { QuantizeParams, QuantizeResult } from '@quantwright/schemas/rpc/engine';
import { type Calibration, prepareCalibration } from '../calibration/prepare.ts';
import { EngineError } from '../errors.ts';
import { watchPeakMemory } from '../jobs/peak-memory.ts';
import type { Method } from '../methods/method.ts';
import { methodOf } from '../methods/registry.ts';
import { defaultAlpha } from '../methods/smoothquant/transform.ts';
import { judgeConfig } from '../pipeline/judge.ts';
import { type OnnxInputs, openOnnxInputs } from './inputs.ts';
import { type OnnxLinear, onnxLinears } from './linears.ts';
import { type OnnxModel, type OnnxWeights, openOnnx, openOnnxWeights } from './model.ts';
import { nbitsForm } from './nbits.ts';
import { qdqForm } from './qdq.ts';
import { type OnnxHooks, type PlannedLinear, rewriteGraph, sourceOf } from './rewrite.ts';
import { loadOnnxRuntime, type OnnxRuntime } from './runtime.ts';
import { type Smoothing, smoothGraph, smoothPlaces } from './smooth.ts';
import { observedValues, openOnnxStatistics } from './statistics.ts';
import { openWatched } from './watched.ts';
import { createOnnxWriter } from './writer.ts';

/** Above this, a model of one file would come near the 2 GiB that protocol buffers can have. */
const mostInside = 1_800_000_000;
/** Of Hessians, or of values that are looked at, which are held while the sequences run. */
const observedBytes = 2 ** 30;

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
    const watching = runtime === null || calibration === null ? null : { runtime, binding, model, planned, recipe, method, calibration, hooks };
    const smoothing = watching !== null && recipe.methods.includes('smoothquant') ? await smooth(watching, weights) : unsmoothed;
    if (watching !== null) inputs = await observe(watching, smoothing);
    const modules = await rewriteGraph({ model, planned, method, form, binding, weights, writer, hooks, memory, inputs, smoothing });
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

function refuseRecipe({ methods, activations, smoothquant }: Recipe, method: Method, file: string): void {
  const known = ['rtn', 'instant_quant', 'gptq', 'w8a8_static', 'smoothquant + w8a8_static'];
  const named = methods.join(' + ');
  const message = !known.includes(named)
    ? `ONNX models can be quantized by ${known.slice(0, -1).join(', ')} and ${known.at(-1)}, not by ${named}`
    : activations !== null && method.id !== 'w8a8_static'
      ? 'the activations of ONNX models are quantized by w8a8_static only; use it, or leave compute_method out'
      : activations === null && method.id === 'w8a8_static'
        ? 'w8a8_static without activations is rounding to nearest; use rtn'
        : methods.includes('smoothquant') && smoothquant?.alpha === 'auto'
          ? 'alpha is searched on checkpoints, not on ONNX models; name a number, such as "smoothquant": {"alpha": 0.5}'
          : null;
  if (message !== null) throw new EngineError('config', `${file}: ${message}`, { file, findings: [{ code: 'QC017', message }] });
}

interface Observing {
  readonly runtime: OnnxRuntime;
  readonly binding: NativeBinding;
  /** Neither is changed. */
  readonly model: OnnxModel;
  readonly planned: readonly PlannedLinear[];
  readonly recipe: Recipe;
  readonly method: Method;
  readonly calibration: Calibration;
  readonly hooks: OnnxHooks;
}

const unsmoothed: Smoothing = { scales: new Map(), constants: [] };

function runOptions({ calibration: { sequences }, hooks }: Observing) {
  return {
    sequences,
    budgetBytes: observedBytes,
    signal: hooks.signal,
    onProgress: (sequencesDone: number) => hooks.onProgress?.({ phase: 'calibrate', block: 0, blocks: 1, sequencesDone, sequences: sequences.length }),
  };
}

/** What the method wants to know of inputs. */
function observe(watching: Observing, { scales }: Smoothing): Promise<OnnxInputs> {
  const { runtime, binding, model, planned, recipe, method } = watching;
  const statistic = method.statistic?.(recipe);
  return statistic === undefined
    ? openOnnxInputs(runtime, binding, model, planned, { ...runOptions(watching), dampPercent: recipe.dampPercent })
    : openOnnxStatistics(runtime, binding, model, planned, { ...runOptions(watching), statistic, smoothed: scales });
}

/** Scales of the channels behind norms. */
async function smooth(watching: Observing, weights: OnnxWeights): Promise<Smoothing> {
  const { runtime, binding, model, planned, recipe } = watching;
  const places = smoothPlaces(model, planned);
  const watched = await openWatched(runtime, binding, model, planned);
  try {
    const names = places.map(({ value }) => value);
    const magnitudes = await observedValues(binding, watched, names, { kind: 'absmax' }, { ...runOptions(watching), smoothed: new Map() });
    const alpha = recipe.smoothquant?.alpha;
    const matrix = (linear: OnnxLinear): Promise<DenseSource> => sourceOf(linear, binding, weights);
    return await smoothGraph(binding, places, weights, { alpha: typeof alpha === 'number' ? alpha : defaultAlpha, magnitudes, matrix });
  } finally {
    await watched.close();
  }
}

/** The model's bytes where they are one file, and the largest matrix as it is stored, widened, transposed and in codes. */
function peakMemory(model: OnnxModel, planned: readonly PlannedLinear[]): number {
  const largest = Math.max(...planned.map(({ rows, cols, transposed }) => rows * cols * (transposed ? 11 : 7)));
  return process.memoryUsage.rss() + 2 * (model.dataFiles.length > 0 ? 0 : model.fileBytes) + largest;
}
