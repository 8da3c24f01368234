// The graph of a quantized ONNX model: matrix after matrix is rounded, written, and put in the place of the MatMul or Gemm that had it.
import type { DenseSource, NativeBinding } from '@quantwright/native/binding';
import type { QuantizeProgress, QuantizeResult } from '@quantwright/schemas/rpc/engine';
import { transpose } from '../checkpoint/transposed.ts';
import type { AffineMatrix, LayerInputs, Method, ModuleScheme } from '../methods/method.ts';
import { refuseNotFinite } from '../pipeline/apply.ts';
import type { QuantizeHooks } from '../pipeline/quantize.ts';
import type { OnnxForm } from './form.ts';
import type { OnnxInputs } from './inputs.ts';
import type { OnnxLinear } from './linears.ts';
import type { OnnxModel, OnnxWeights } from './model.ts';
import { type GraphProto, type NodeProto, newNode, newOpset, type TensorProto } from './proto.ts';
import type { Smoothing } from './smooth.ts';
import type { OnnxWriter } from './writer.ts';

export type OnnxHooks = Omit<QuantizeHooks, 'onProgress'> & { readonly onProgress?: ((progress: QuantizeProgress) => void) | undefined };
export type PlannedLinear = OnnxLinear & { readonly scheme: ModuleScheme; readonly bytes: number };

export interface Rewriting {
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
  readonly smoothing: Smoothing;
}

/** Changes the graph in place; returns a row for each linear. */
export async function rewriteGraph({
  model,
  planned,
  method,
  form,
  binding,
  weights,
  writer,
  hooks,
  memory,
  inputs,
  smoothing,
}: Rewriting): Promise<QuantizeResult['modules']> {
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
    const matrix = await quantized(linear, method, binding, weights, {
      inputs: inputs === null ? undefined : await inputs.of(linear),
      columns: smoothing.scales.get(node.input[0] ?? ''),
    });
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
  const before = smoothing.constants.map(({ node, index }) => node.input[index] ?? '');
  for (const { node, index, tensor } of smoothing.constants) {
    await writer.store(tensor, tensor.rawData);
    added.push(tensor);
    node.input[index] = tensor.name;
  }
  graph.node = graph.node.flatMap((node) => replaced.get(node) ?? [node]);
  const used = namesUsed(graph);
  const gone = new Set([...planned.map(({ weight }) => weight.name), ...before].filter((name) => !used.has(name)));
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

/** [rows, cols], whichever way it is stored. */
export async function sourceOf({ weight, transposed }: OnnxLinear, binding: NativeBinding, weights: OnnxWeights): Promise<DenseSource> {
  const stored = weights.dense(weight.name);
  if (stored === null) throw new Error(`${weight.name} is no matrix`);
  return transposed ? turned(binding, stored) : stored;
}

/** `columns`: what they are multiplied by first. */
async function quantized(
  linear: PlannedLinear,
  method: Method,
  binding: NativeBinding,
  weights: OnnxWeights,
  { inputs, columns }: { readonly inputs: LayerInputs | undefined; readonly columns: Float32Array | undefined },
): Promise<AffineMatrix> {
  const { weight, rows, cols, scheme } = linear;
  const source = await sourceOf(linear, binding, weights);
  const matrix = await method.quantizeModule(binding, columns === undefined ? source : await edited(binding, source, columns), scheme, inputs);
  refuseNotFinite(matrix, weight.name, linear.module);
  if (matrix.kind !== 'affine' || matrix.rows !== rows || matrix.cols !== cols) throw new Error(`${weight.name} was not rounded to integers`);
  return matrix;
}

async function edited(binding: NativeBinding, source: DenseSource, columns: Float32Array): Promise<DenseSource> {
  const values = await binding.editMatrix(source, { columns });
  return { type: 'f32', rows: source.rows, cols: source.cols, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}
