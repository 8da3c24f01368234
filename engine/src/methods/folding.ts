// Folds scales of channels into what produces them and what reads them. A norm is stored in the model's own type: its new weights are rounded to that first, and
// the scales of the readers follow from the rounded ones, so that the block's function stays what it was, to the last bits of f32.
import type { DenseType, MatrixEdit } from '@quantwright/native/binding';
import type { NormProducer, ScalingPair } from '../model/scaling-pairs.ts';
import { roundToType } from './round-to-type.ts';
import type { BlockEdit, TransformBlock } from './transform.ts';

export interface FoldedNorm {
  /** Divisors of the norm's output and factors of the columns that read it. [width] */
  readonly scale: Float32Array;
  /** As stored: less the offset. [width] */
  readonly weight: Float32Array;
}

/**
 * `weight` as stored in `type`, times offset + weight in the forward pass; `scale` > 0 as a method wants it. The scale of a channel that is always 0, or whose
 * new weight would be 0 or beyond the type, becomes 1.
 */
export function foldIntoNorm(weight: Float32Array, offset: 0 | 1, type: DenseType, scale: Float32Array): FoldedNorm {
  const folded = new Float32Array(weight.length);
  const exact = new Float32Array(weight.length);
  for (let channel = 0; channel < weight.length; channel++) {
    const stored = weight[channel] ?? 0;
    const factor = stored + offset;
    const wanted = scale[channel] ?? 1;
    const rounded = roundToType(factor / wanted - offset, type);
    const ratio = Math.fround(factor / (rounded + offset));
    // A weight that nearly is -offset leaves few digits of the quotient.
    const kept = Number.isFinite(ratio) && ratio > 0 && Math.abs(ratio / wanted - 1) < 0.1;
    folded[channel] = kept ? rounded : stored;
    exact[channel] = kept ? ratio : 1;
  }
  return { scale: exact, weight: folded };
}

/** What scaling one pair by `scale` [width] changes. `scales` is what the columns were multiplied by in the end. */
export async function foldPair(
  block: TransformBlock,
  pair: ScalingPair,
  scale: Float32Array,
): Promise<{ readonly edit: BlockEdit; readonly scale: Float32Array }> {
  const tensors = new Map<string, Float32Array>();
  const matrices = new Map<string, MatrixEdit>();
  const final = pair.producer.kind === 'norm' ? await foldNorm(block, pair.producer, scale, tensors) : scale;
  if (pair.producer.kind === 'linear') await foldLinear(block, pair.producer.module, scale, tensors, matrices);
  for (const consumer of pair.consumers) matrices.set(consumer, { columns: final });
  return { edit: { tensors, matrices }, scale: final };
}

async function foldNorm(block: TransformBlock, { module, offset, bias }: NormProducer, scale: Float32Array, tensors: Map<string, Float32Array>) {
  const name = `${module}.weight`;
  const weight = await block.vector(name);
  if (weight === null) throw new Error(`${name} is no tensor of the block`);
  const folded = foldIntoNorm(weight, offset, block.typeOf(name), scale);
  tensors.set(name, folded.weight);
  if (bias) await foldBias(block, `${module}.bias`, folded.scale, tensors);
  return folded.scale;
}

async function foldLinear(block: TransformBlock, module: string, scale: Float32Array, tensors: Map<string, Float32Array>, matrices: Map<string, MatrixEdit>) {
  const { rows } = await block.matrix(module);
  const factors = new Float32Array(rows).fill(1);
  for (const [channel, by] of scale.entries()) factors[rows - scale.length + channel] = 1 / by;
  matrices.set(module, { rows: factors });
  await foldBias(block, `${module}.bias`, scale, tensors);
}

/** The last values of the tensor, where there is one. */
async function foldBias(block: TransformBlock, name: string, scale: Float32Array, tensors: Map<string, Float32Array>): Promise<void> {
  const bias = await block.vector(name);
  if (bias === null) return;
  const type = block.typeOf(name);
  const first = bias.length - scale.length;
  tensors.set(
    name,
    bias.map((value, index) => (index < first ? value : roundToType(value / (scale[index - first] ?? 1), type))),
  );
}

/** One edit after the other; each matrix and tensor may be in several. */
export function mergeEdits(edits: readonly BlockEdit[]): BlockEdit {
  const tensors = new Map<string, Float32Array>();
  const matrices = new Map<string, MatrixEdit>();
  for (const edit of edits) {
    for (const [name, values] of edit.tensors) tensors.set(name, values);
    for (const [module, { columns, rows, clip }] of edit.matrices) {
      const before = matrices.get(module) ?? {};
      matrices.set(module, {
        ...before,
        ...(columns === undefined ? {} : { columns: product(before.columns, columns) }),
        ...(rows === undefined ? {} : { rows: product(before.rows, rows) }),
        ...(clip === undefined ? {} : { clip }),
      });
    }
  }
  return { tensors, matrices };
}

function product(a: Float32Array | undefined, b: Float32Array): Float32Array {
  return a === undefined ? b : b.map((value, index) => value * (a[index] ?? 1));
}
