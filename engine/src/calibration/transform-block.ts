// Runs the transforms of a recipe over one block, each on what the one before left, and keeps the float weights that come out: what calibration and the
// rounding method see in the place of the checkpoint's. Holds the edited matrices of one block in f32.
import type { DenseSource, NativeBinding, Weight } from '@quantwright/native/binding';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import { scaleTypeOf } from '../checkpoint/quantized/stored.ts';
import { transposedDense } from '../checkpoint/transposed.ts';
import { type BlockEdit, type BlockLinear, type EditedBlock, type Transform, untouched } from '../methods/transform.ts';
import type { ModelConfig } from '../model/config.ts';
import { buildBlock } from '../model/decoder.ts';
import { namedWeights } from '../model/named-weights.ts';
import type { LinearInput } from '../model/observations.ts';
import type { ScalingPair } from '../model/scaling-pairs.ts';
import { checkpointWeights, type ModelWeights } from '../model/weights.ts';
import { type BlockParts, blockParts } from './block-parts.ts';
import type { CalibrationBlocks } from './blocks.ts';
import { sampleTokens } from './sample-tokens.ts';

export interface TransformedLinear extends Omit<BlockLinear, 'input'> {
  /** Null: the output matrix. */
  readonly input: LinearInput | null;
  /** The checkpoint's matrix, and whether it lies there as [cols, rows]. */
  readonly tensor: string;
  readonly transposed: boolean;
}

export interface TransformOptions {
  readonly binding: NativeBinding;
  readonly mapped: MappedCheckpoint;
  readonly blocks: CalibrationBlocks;
  readonly config: ModelConfig;
  readonly recipe: Recipe;
  readonly transforms: readonly Transform[];
  /** The same sequences behind the blocks as they were written; left out: nobody asks. */
  readonly behindWritten?: CalibrationBlocks | undefined;
  /** After every step of a transform that trains. */
  readonly onStep?: ((step: number, of: number, loss: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `linears`: those of the block that are quantized; `pairs`: places that may be rescaled. */
export async function transformBlock(
  layer: number,
  linears: readonly TransformedLinear[],
  pairs: readonly ScalingPair[],
  options: TransformOptions,
): Promise<EditedBlock> {
  let edited: EditedBlock = untouched;
  for (const transform of options.transforms) {
    options.signal?.throwIfAborted();
    const used = pairs.filter((pair) => transform.uses(pair));
    edited = await withEdit(edited, await runTransform(transform, layer, linears, used, edited, options), linears, options);
  }
  return edited;
}

async function runTransform(
  transform: Transform,
  layer: number,
  linears: readonly TransformedLinear[],
  pairs: readonly ScalingPair[],
  edited: EditedBlock,
  { binding, mapped, blocks, behindWritten, config, recipe, onStep, signal }: TransformOptions,
): Promise<BlockEdit> {
  const weights = await editedWeights(binding, edited);
  const now = (): ModelWeights => checkpointWeights(mapped, null, binding, { packed: weights, vectors: edited.tensors });
  const makeParts = async (): Promise<BlockParts> => blockParts(binding, config, now(), layer, await blocks.sample(sampleTokens(config.shape)));
  let parts: Promise<BlockParts> | null = null;
  const find = (module: string): TransformedLinear => {
    const linear = linears.find((one) => one.module === module);
    if (linear === undefined) throw new Error(`${module} is not quantized in block ${layer}`);
    return linear;
  };
  return transform.transform({
    binding,
    recipe,
    layer,
    layers: config.shape.layers,
    pairs,
    linears: linears.flatMap(({ input, ...linear }) => (input === null ? [] : [{ ...linear, input }])),
    matrix: async (module) => edited.matrices.get(module) ?? storedMatrix(mapped, find(module)),
    vector: async (name) => edited.tensors.get(name) ?? (mapped.checkpoint.has(name) ? mapped.floats(name) : null),
    typeOf: (name) => scaleTypeOf(mapped.checkpoint.info(name)),
    inputs: {
      magnitudes: (inputs) => blocks.magnitudes(layer, inputs, weights, edited.tensors),
      sample: async (input) => {
        parts ??= makeParts();
        return (await parts).sample(input);
      },
      sequences: blocks.samples,
      sequence: (index) => blocks.states(index),
      quantized: behindWritten === undefined ? null : (index) => behindWritten.states(index),
    },
    program: async () => {
      const named = namedWeights(now());
      return { spec: await buildBlock(config, named, layer), moduleOf: named.moduleOf };
    },
    onStep: (...step) => onStep?.(...step),
    signal,
  });
}

async function withEdit(
  before: EditedBlock,
  edit: BlockEdit,
  linears: readonly TransformedLinear[],
  { binding, mapped }: TransformOptions,
): Promise<EditedBlock> {
  const matrices = new Map(before.matrices);
  for (const linear of linears) {
    const change = edit.matrices.get(linear.module);
    if (change === undefined) continue;
    const source = matrices.get(linear.module) ?? (await storedMatrix(mapped, linear));
    matrices.set(linear.module, inF32(linear, await binding.editMatrix(source, change)));
  }
  for (const linear of linears) {
    const values = edit.trained?.get(linear.module);
    if (values !== undefined) matrices.set(linear.module, inF32(linear, values));
  }
  const training = edit.training ?? before.training;
  return {
    tensors: new Map([...before.tensors, ...edit.tensors]),
    matrices,
    ...(training === undefined ? {} : { training }),
    warnings: [...before.warnings, ...(edit.warnings ?? [])],
  };
}

function inF32({ rows, cols }: TransformedLinear, values: Float32Array): DenseSource {
  return { type: 'f32', rows, cols, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

function storedMatrix(mapped: MappedCheckpoint, { tensor, transposed, rows, cols }: TransformedLinear): Promise<DenseSource> | DenseSource {
  return transposed ? transposedDense(mapped, tensor, rows, cols) : mapped.dense(tensor);
}

/** For programs. */
export async function editedWeights(binding: NativeBinding, { matrices }: Pick<EditedBlock, 'matrices'>): Promise<Map<string, Weight>> {
  const weights = new Map<string, Weight>();
  for (const [module, source] of matrices) weights.set(module, await binding.createWeight({ codec: 'dense', ...source }));
  return weights;
}
