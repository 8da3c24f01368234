// quantwright tensor IN --config FILE --out OUT: one matrix in the lab. Reads `weight` [out, in] and, for methods that look at them, `inputs` [tokens, in]; writes codes, scales, zeros and the
// dequantized matrix, and prints what the rounding cost. Rounds as `quantize` would for the same config.

import type { NativeBinding } from '@quantwright/native/binding';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import { Command } from 'commander';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { type MappedCheckpoint, mapCheckpoint } from '../checkpoint/mapped.ts';
import { expectTensor } from '../checkpoint/quantized/stored.ts';
import { createSafetensors, planBytes, type TensorPlan } from '../checkpoint/writer.ts';
import { EngineError } from '../errors.ts';
import { loadBinding } from '../jobs/binding.ts';
import { hessianInputs } from '../methods/hessian.ts';
import type { AffineMatrix, CodedMatrix, LayerInputs, Method, ModuleScheme, QuantizedMatrix } from '../methods/method.ts';
import { pipelineOf } from '../methods/registry.ts';
import { observeValues, rangedInputs } from '../methods/w8a8_static/observed.ts';
import { refuseNotFinite } from '../pipeline/apply.ts';
import { judgeConfig } from '../pipeline/judge.ts';
import type { ModulePlan } from '../pipeline/layouts/layout.ts';
import { layoutOf } from '../pipeline/layouts/registry.ts';
import { exitCodes, runCommand } from './run-command.ts';
import type { Terminal } from './terminal.ts';
import { transformMatrix } from './transformed-tensor.ts';

interface Options {
  readonly config: string;
  readonly out: string;
}

export function tensorCommand(terminal: Terminal): Command {
  return new Command('tensor')
    .description('quantize one matrix and look at the result')
    .argument('<in.safetensors>', 'file with the tensor `weight` [out, in]')
    .requiredOption('--config <file>', 'quantization config')
    .requiredOption('--out <out.safetensors>', 'gets codes, scales, zeros and dequantized; channel_scale, where a method scales channels')
    .action((input: string, options: Options) => runCommand(terminal, { json: true }, () => quantizeTensor(terminal, input, options)));
}

async function quantizeTensor(terminal: Terminal, input: string, options: Options): Promise<number> {
  const { recipe, warnings } = await judgeConfig(options.config, null);
  const warn = (warning: string): void => terminal.err(`warning: ${warning}\n`);
  const binding = await loadBinding();
  const checkpoint = await openCheckpoint(input);
  if (!checkpoint.has('weight'))
    throw new EngineError('input', `${input} has no tensor "weight"; it has ${checkpoint.names.slice(0, 8).join(', ')}`, { file: input });
  const mapped = mapCheckpoint(checkpoint, binding);
  try {
    const stored = mapped.dense('weight');
    const { transforms, rounding: method } = pipelineOf(recipe);
    const asking = transforms[0] ?? (method.needs.observe.length === 0 ? null : method);
    const read = asking === null ? null : await readInputs(mapped, asking, stored.cols);
    const layout = layoutOf(recipe);
    const general: ModuleScheme = {
      ...layout.scheme(recipe, method, { ...recipe.weights, descAct: recipe.weights.descAct && method.needs.observe.length > 0 }),
      kind: method.kind?.(recipe.weights, recipe) ?? 'affine',
      recipe,
    };
    const scheme = method.fit?.(general, { rows: stored.rows, cols: stored.cols, activations: recipe.activations }) ?? general;
    if (typeof scheme === 'string') throw new EngineError('config', `weight: ${scheme}`, { tensor: 'weight' });
    const started = performance.now();
    const transformed =
      transforms.length === 0 || read === null ? null : await transformMatrix(binding, recipe, transforms, scheme, { source: stored, inputs: read });
    const source = transformed?.source ?? stored;
    const values = method.needs.observe.length === 0 ? null : (transformed?.inputs ?? read);
    const inputs = values === null ? undefined : await inputsOf(binding, values, recipe, method, source.cols, warn);
    const matrix = await method.quantizeModule(binding, source, scheme, inputs);
    const seconds = (performance.now() - started) / 1000;
    refuseNotFinite(matrix, 'weight', input);
    const dequantized = matrix.kind === 'affine' ? dequantize(matrix) : await (await binding.createWeight(matrix.spec)).dequantize();
    await writeMatrix(options.out, matrix, dequantized, transformed?.channelScale);
    const weight = await binding.widen(source);
    const plan = { module: 'weight', block: 0, rows: matrix.rows, cols: matrix.cols, scheme, activations: recipe.activations };
    for (const warning of warnings) warn(warning);
    const { rows, cols, sqnrDb, mse } = matrix;
    const metrics = {
      rows,
      cols,
      ...formOf(matrix, scheme),
      sqnrDb,
      mse,
      maxAbsError: largestError(weight, dequantized),
      bitsPerWeight: matrix.kind === 'affine' ? storedBits(plan, recipe) : codedBits(matrix),
      seconds,
    };
    terminal.out(`${JSON.stringify(metrics, null, 2)}\n`);
    return exitCodes.ok;
  } finally {
    mapped.close();
  }
}

/** The tensor `inputs` [tokens, in]. `method`: who asks for it. */
async function readInputs(mapped: MappedCheckpoint, method: Pick<Method, 'id'>, width: number): Promise<Float32Array> {
  const file = mapped.checkpoint.path;
  if (!mapped.checkpoint.has('inputs'))
    throw new EngineError('input', `${method.id} looks at what the matrix reads: ${file} needs a tensor "inputs" [tokens, ${width}] beside "weight"`, { file });
  const { shape } = expectTensor(mapped, 'inputs', ['F32', 'F16', 'BF16'], [mapped.checkpoint.info('inputs').shape[0] ?? 0, width]);
  const tokens = shape[0] ?? 0;
  if (tokens === 0) throw new EngineError('input', `${file}: the tensor "inputs" has no rows`, { file, tensor: 'inputs' });
  return mapped.floats('inputs');
}

/** Statistics of inputs, which count as one calibration sequence. */
async function inputsOf(
  binding: NativeBinding,
  values: Float32Array,
  recipe: Recipe,
  method: Method,
  width: number,
  onWarning: (warning: string) => void,
): Promise<LayerInputs> {
  const statistic = method.statistic?.(recipe);
  if (statistic !== undefined) {
    const observed = await observeValues(binding, values, width, statistic);
    if (observed === null) throw new EngineError('input', 'the tensor "inputs" has values that are not finite (NaN or infinity)', { tensor: 'inputs' });
    return rangedInputs(observed);
  }
  const program = binding.createProgram({ input: 'hidden', values: [width], body: [{ op: 'observe', in: 0, kind: 'hessian', slot: 0 }], head: [], output: 0 });
  await program.run(program.createSession(values.length / width, 'f32'), values, 'none');
  const hessian = program.takeHessian(0);
  if (hessian === null) throw new Error('the inputs were not observed');
  const { dampPercent } = recipe;
  return hessianInputs(binding, async () => hessian, {
    dampPercent,
    samples: 1,
    onRaised: (used) => onWarning(`the inputs hang together too closely for damp_percent ${dampPercent}; ${used} was used`),
  });
}

function formOf(matrix: QuantizedMatrix, scheme: ModuleScheme) {
  if (matrix.kind !== 'affine') return { kind: matrix.kind, bits: scheme.weights.bits, groupSize: scheme.weights.groupSize, ...matrix.figures };
  const { bits, groupSize, groups, symmetric, scaleType } = matrix;
  return { bits, groupSize, groups, dialect: scheme.dialect, symmetric, scaleType, ...(matrix.inputScale === undefined ? {} : { inputs: matrix.inputScale }) };
}

function codedBits({ rows, cols, tensors }: CodedMatrix): number {
  return (8 * tensors.reduce((total, { data }) => total + data.byteLength, 0)) / (rows * cols);
}

/** (code - zero) * scale in f32, in the layout [rows, cols]. */
export function dequantize(matrix: AffineMatrix): Float32Array {
  const { rows, cols, groupSize, groups, codes, scale, zero, gIdx } = matrix;
  const out = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      const group = row * groups + (gIdx?.[col] ?? Math.floor(col / groupSize));
      // Math.fround: the subtraction is rounded to f32 before the product, as the kernels do it.
      out[row * cols + col] = Math.fround((codes[row * cols + col] ?? 0) - (zero[group] ?? 0)) * (scale[group] ?? 0);
    }
  }
  return out;
}

async function writeMatrix(file: string, matrix: QuantizedMatrix, dequantized: Float32Array, channelScale?: Float32Array): Promise<void> {
  const tensors: readonly (TensorPlan & { readonly data: ArrayBufferView })[] = [
    ...(matrix.kind === 'affine' ? affineTensors(matrix) : matrix.tensors.map(({ suffix, ...tensor }) => ({ name: suffix, ...tensor }))),
    { name: 'dequantized', dtype: 'F32', shape: [matrix.rows, matrix.cols], data: dequantized },
    ...(channelScale === undefined ? [] : [{ name: 'channel_scale', dtype: 'F32' as const, shape: [matrix.cols], data: channelScale }]),
  ];
  const writer = await createSafetensors(file, tensors, { format: 'pt' });
  try {
    for (const tensor of tensors) await writer.write(tensor.name, tensor.data);
    await writer.finish();
  } catch (cause) {
    await writer.abort();
    throw cause;
  }
}

function affineTensors({ rows, cols, groups, codes, scale, zero, gIdx }: AffineMatrix): readonly (TensorPlan & { readonly data: ArrayBufferView })[] {
  return [
    { name: 'codes', dtype: codes instanceof Int8Array ? 'I8' : 'U8', shape: [rows, cols], data: codes },
    { name: 'scales', dtype: 'F32', shape: [rows, groups], data: scale },
    { name: 'zeros', dtype: 'F32', shape: [rows, groups], data: zero },
    ...(gIdx === undefined ? [] : [{ name: 'g_idx', dtype: 'I32' as const, shape: [cols], data: gIdx }]),
  ];
}

/** Bits a weight in the config's save format; null when that format cannot hold this shape. */
function storedBits(plan: ModulePlan, recipe: Recipe): number | null {
  const layout = layoutOf(recipe);
  if (layout.refusal(plan) !== null) return null;
  const bytes = layout.tensors(plan).reduce((total, tensor) => total + planBytes({ name: tensor.suffix, ...tensor }), 0);
  return (8 * bytes) / (plan.rows * plan.cols);
}

function largestError(weight: Float32Array, dequantized: Float32Array): number {
  let largest = 0;
  for (let index = 0; index < weight.length; index++) largest = Math.max(largest, Math.abs((weight[index] ?? 0) - (dequantized[index] ?? 0)));
  return largest;
}
