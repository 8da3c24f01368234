// The layer stream's view of a model: the linears of every decoder block (and the output matrix, where it is quantized) with where their weights lie, and
// every other tensor, which is copied as it is.
// Looks at headers and config.json only; reads no weight.
import type { LinearShape, ModelShape } from '@quantwright/schemas/checkpoint/model-shape';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { TensorInfo } from '../checkpoint/header.ts';
import { EngineError } from '../errors.ts';
import { architectures } from '../model/architectures/registry.ts';
import { inputOf, type LinearInput } from '../model/observations.ts';

export interface LinearSource {
  /** model.layers.0.mlp.down_proj */
  readonly module: string;
  readonly block: number;
  readonly rows: number;
  readonly cols: number;
  readonly weight: TensorInfo;
  /** Which input of the block it reads; null: the output matrix. */
  readonly input: LinearInput | null;
  /** Stored as [cols, rows]; written as every layout has it. */
  readonly transposed: boolean;
  /** The output matrix. */
  readonly lmHead: boolean;
}

export interface ModelSource {
  /** Linears of block i, in the order in which the block computes them; the output matrix, where it is quantized, comes last as a block of its own. */
  readonly blocks: readonly (readonly LinearSource[])[];
  /** Embeddings, norms, biases ...: every tensor that is in no block. */
  readonly others: readonly TensorInfo[];
}

/** `lmHead`: whether the output matrix is to be quantized; a model that ties it has none. Throws kind `checkpoint` when a linear that config.json promises is missing, has another shape, or is already quantized. */
export function modelSource(model: ModelShape, checkpoint: Checkpoint, lmHead: boolean): ModelSource {
  const transposed = architectures.some((one) => one.modelType === model.modelType && one.transposed === true);
  const inBlocks = model.linears.flatMap(({ kind, ...linear }) => (kind === 'lm_head' ? [] : [{ ...linear, kind }]));
  const blocks = Array.from({ length: model.layers }, (_, block) =>
    inBlocks
      .filter(({ firstLayer, endLayer }) => block >= firstLayer && block < endLayer)
      .map((linear): LinearSource => {
        const module = linear.module.replace('{i}', String(block));
        const [rows, cols] = transposed ? [linear.in, linear.out] : [linear.out, linear.in];
        return {
          module,
          block,
          rows: linear.out,
          cols: linear.in,
          input: inputOf(linear.kind),
          weight: linearWeight(checkpoint, module, rows, cols),
          transposed,
          lmHead: false,
        };
      }),
  );
  const head = lmHead ? model.linears.find((linear) => linear.kind === 'lm_head') : undefined;
  if (head !== undefined) blocks.push([headSource(checkpoint, head, model.layers)]);
  const taken = new Set(blocks.flat().map((linear) => linear.weight.name));
  return { blocks, others: checkpoint.names.filter((name) => !taken.has(name)).map((name) => checkpoint.info(name)) };
}

/** Never transposed: it is a plain linear in every architecture. */
function headSource(checkpoint: Checkpoint, { module, in: cols, out: rows }: LinearShape, block: number): LinearSource {
  return { module, block, rows, cols, input: null, weight: linearWeight(checkpoint, module, rows, cols), transposed: false, lmHead: true };
}

/** The tensor [rows, cols] as it is stored. */
function linearWeight(checkpoint: Checkpoint, module: string, rows: number, cols: number): TensorInfo {
  const name = `${module}.weight`;
  const place = { file: checkpoint.path, tensor: name };
  const weight = checkpoint.find(name);
  if (weight === undefined) {
    const quantized = [`${module}.qweight`, `${module}.weight_packed`].find((other) => checkpoint.has(other));
    throw new EngineError(
      'checkpoint',
      quantized === undefined
        ? `${checkpoint.path} has no tensor ${name}, which config.json promises; the download may be incomplete`
        : `${checkpoint.path} is quantized already (it has ${quantized}); give the original model`,
      place,
    );
  }
  if (weight.dtype !== 'F32' && weight.dtype !== 'F16' && weight.dtype !== 'BF16') {
    throw new EngineError(
      'checkpoint',
      `${weight.file}: ${name} has type ${weight.dtype}; only F32, F16 and BF16 weights can be quantized, so give the original model`,
      place,
    );
  }
  if (weight.shape.length !== 2 || weight.shape[0] !== rows || weight.shape[1] !== cols) {
    throw new EngineError('checkpoint', `${weight.file}: ${name} has shape [${weight.shape.join(', ')}], but config.json says [${rows}, ${cols}]`, place);
  }
  return weight;
}
