// Transforms in the lab of one matrix: it counts as the only reader of a norm of ones, whose output is the tensor `inputs`. What the norm would be divided by is
// given beside the result.
import type { DenseSource, NativeBinding } from '@quantwright/native/binding';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import { EngineError } from '../errors.ts';
import type { ModuleScheme } from '../methods/method.ts';
import type { BlockInputs, Transform } from '../methods/transform.ts';
import type { ScalingPair } from '../model/scaling-pairs.ts';

export interface LabMatrix {
  readonly source: DenseSource;
  /** [tokens, in] What it reads. */
  readonly inputs: Float32Array;
  /** [in] What its columns were multiplied by. */
  readonly channelScale: Float32Array;
}

const norm = 'norm.weight';

/** Throws kind `input` for a transform that needs a whole model. */
export async function transformMatrix(
  binding: NativeBinding,
  recipe: Recipe,
  transforms: readonly Transform[],
  scheme: ModuleScheme,
  before: Omit<LabMatrix, 'channelScale'>,
): Promise<LabMatrix> {
  const { rows, cols } = before.source;
  let now: LabMatrix = { ...before, channelScale: new Float32Array(cols).fill(1) };
  const pair: ScalingPair = {
    producer: { kind: 'norm', module: 'norm', offset: 0, bias: false },
    input: 'attention',
    width: cols,
    consumers: ['weight'],
    inspect: 'consumer',
  };
  for (const transform of transforms) {
    if (transform.begin !== undefined)
      throw new EngineError('input', `${transform.id} learns from a whole model; one matrix does not say enough: use "quantize"`);
    if (transform.runsBlock === true)
      throw new EngineError('input', `lkd of ${transform.id} learns from a whole block; one matrix does not say enough: use "quantize", or leave "lkd" out`);
    const { source, inputs } = now;
    const ones = new Float32Array(cols).fill(1);
    const edit = await transform.transform({
      binding,
      recipe,
      layer: 0,
      pairs: transform.uses(pair) ? [pair] : [],
      linears: [{ module: 'weight', rows, cols, input: pair.input, scheme, activations: null }],
      matrix: async () => source,
      vector: async (name) => (name === norm ? ones : null),
      typeOf: () => 'f32',
      inputs: labInputs(binding, inputs, cols),
      layers: 1,
      program: noBlock,
      onStep: () => {},
    });
    const change = edit.matrices.get('weight') ?? {};
    const scale = change.columns ?? ones;
    now = {
      source: dense(await binding.editMatrix(source, change), cols),
      inputs: await binding.editMatrix(dense(inputs, cols), { columns: scale.map((by) => 1 / by) }),
      channelScale: now.channelScale.map((by, channel) => by * (scale[channel] ?? 1)),
    };
  }
  return now;
}

function labInputs(binding: NativeBinding, values: Float32Array, width: number): BlockInputs {
  return {
    magnitudes: async () => {
      const largest = await binding.columnMagnitudes(dense(values, width), 'max');
      return () => largest;
    },
    sample: async () => ({
      values,
      tokens: values.length / width,
      width,
      output: noBlock,
    }),
    sequences: 0,
    sequence: noBlock,
    quantized: null,
  };
}

async function noBlock(): Promise<never> {
  throw new Error('one matrix is no part of a block');
}

function dense(values: Float32Array, cols: number): DenseSource {
  return { type: 'f32', rows: values.length / cols, cols, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}
