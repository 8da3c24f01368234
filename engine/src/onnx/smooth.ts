// SmoothQuant in an ONNX graph: what a norm gives is divided by a scale for each channel, inside of the norm's own constants, and the matrices that read it are
// multiplied by the same. Formula and source: methods/smoothquant/README.md. The graph keeps its operators; values without such a norm before them stay as they are.
import type { DenseSource, NativeBinding } from '@quantwright/native/binding';
import { smoothScales } from '../methods/smoothquant/transform.ts';
import type { OnnxLinear } from './linears.ts';
import type { OnnxModel, OnnxWeights } from './model.ts';
import { dataType, type NodeProto, newTensor, type TensorProto } from './proto.ts';

/** A value that can be smoothed. */
export interface SmoothPlace {
  readonly value: string;
  readonly linears: readonly OnnxLinear[];
  /** Constants of the norm, by node and index of its input: the weight, and the bias where it has one. */
  readonly vectors: readonly { readonly node: NodeProto; readonly index: number; readonly tensor: TensorProto }[];
}

/** `linears`: all that will be quantized. A value that anything else reads is left alone, and so is one whose matrices other values are multiplied with too. */
export function smoothPlaces(model: OnnxModel, linears: readonly OnnxLinear[]): readonly SmoothPlace[] {
  const { graph } = model;
  const producers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const outputs = new Set(graph.output.map(({ name }) => name));
  const inBodies = graph.node.some(({ attribute }) => attribute.some(({ g, graphs }) => g !== undefined || graphs.length > 0));
  const readers = (value: string): readonly NodeProto[] => graph.node.filter(({ input }) => input.includes(value));
  const byValue = new Map<string, OnnxLinear[]>();
  for (const linear of linears) byValue.set(linear.node.input[0] ?? '', [...(byValue.get(linear.node.input[0] ?? '') ?? []), linear]);
  // Bodies of branches and loops may read any value of the graph around them.
  if (inBodies) return [];
  return [...byValue].flatMap(([value, reading]): SmoothPlace[] => {
    const [first] = reading;
    const ours = new Set(reading.map(({ node }) => node));
    const foreign = readers(value).some((node) => !ours.has(node)) || outputs.has(value);
    const shared = reading.some(({ weight }) => readers(weight.name).some((node) => !ours.has(node)));
    const vectors = first === undefined || foreign || shared ? null : vectorsOf(value, first.cols);
    return vectors === null ? [] : [{ value, linears: reading, vectors }];
  });

  /** Null: the value is not made by a norm whose last steps are constants for each channel. */
  function vectorsOf(value: string, width: number): SmoothPlace['vectors'] | null {
    const node = producers.get(value);
    if (node === undefined || (node.domain !== '' && node.domain !== 'ai.onnx')) return null;
    const constant = (index: number): SmoothPlace['vectors'][number] | null => {
      const tensor = model.initializers.get(node.input[index] ?? '');
      const wide = tensor !== undefined && tensor.dataType === dataType.float && Number(tensor.dims.at(-1) ?? 0n) === width;
      return wide && tensor.dims.reduce((product, size) => product * Number(size), 1) === width ? { node, index, tensor } : null;
    };
    if (node.opType === 'LayerNormalization') {
      const [weight, bias] = [constant(1), constant(2)];
      return weight === null || (bias === null && (node.input[2] ?? '') !== '') ? null : [weight, ...(bias === null ? [] : [bias])];
    }
    const index = [0, 1].find((one) => constant(one) !== null);
    const own = index === undefined ? null : constant(index);
    if (index === undefined || own === null) return null;
    if (node.opType === 'Mul') return [own];
    const inner = node.input[1 - index] ?? '';
    if (node.opType !== 'Add' || readers(inner).length !== 1 || outputs.has(inner) || producers.get(inner)?.opType !== 'Mul') return null;
    const weight = vectorsOf(inner, width);
    return weight === null ? null : [...weight, own];
  }
}

export interface Smoothing {
  /** Of each value: what its channels are divided by, and the columns of its matrices multiplied. */
  readonly scales: ReadonlyMap<string, Float32Array>;
  /** Constants in the place of those of the norms, with their bytes in rawData. */
  readonly constants: readonly { readonly node: NodeProto; readonly index: number; readonly tensor: TensorProto }[];
}

/** `magnitudes`: the largest |x| of every channel of each value; `matrix`: [rows, cols] of a linear. */
export async function smoothGraph(
  binding: NativeBinding,
  places: readonly SmoothPlace[],
  weights: OnnxWeights,
  {
    alpha,
    magnitudes,
    matrix,
  }: { readonly alpha: number; readonly magnitudes: ReadonlyMap<string, Float32Array>; matrix(linear: OnnxLinear): Promise<DenseSource> },
): Promise<Smoothing> {
  const scales = new Map<string, Float32Array>();
  const constants: Smoothing['constants'][number][] = [];
  for (const { value, linears, vectors } of places) {
    const inputs = magnitudes.get(value) ?? new Float32Array();
    const largest = new Float32Array(inputs.length);
    for (const linear of linears) {
      const columns = await binding.columnMagnitudes(await matrix(linear), 'max');
      for (const [channel, magnitude] of columns.entries()) largest[channel] = Math.max(largest[channel] ?? 0, magnitude);
      weights.release(linear.weight.name);
    }
    const scale = smoothScales(inputs, largest, alpha);
    scales.set(value, scale);
    for (const { node, index, tensor } of vectors) {
      const stored = Uint8Array.from(weights.bytes(tensor));
      const values = new Float32Array(stored.buffer).map((one, channel) => one / (scale[channel] ?? 1));
      const smoothed = newTensor({
        name: `${tensor.name}_smoothed_${value}`,
        dims: tensor.dims,
        dataType: dataType.float,
        rawData: new Uint8Array(values.buffer),
      });
      constants.push({ node, index, tensor: smoothed });
    }
  }
  return { scales, constants };
}
