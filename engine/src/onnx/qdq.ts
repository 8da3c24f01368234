// Static W8A8 as QDQ: QuantizeLinear and DequantizeLinear around what a MatMul reads, DequantizeLinear behind its int8 weights. Runtimes fuse the four into one
// integer product. Source: onnx/onnx docs/Operators.md :: QuantizeLinear, DequantizeLinear (opset 13); microsoft/onnxruntime docs on quantization, QDQ format.
//   x_scale, x_zero   one of each for a value that linears read: uint8, or int8 around 0 when symmetric
//   w                 int8 [in, out], scales [out] along axis 1, zero points [out]
import type { InputScale } from '../checkpoint/activations.ts';
import type { AffineMatrix } from '../methods/method.ts';
import { bytesOf, encodeFloats, signedCodes, unsignedZeros } from '../pipeline/layouts/codes.ts';
import { type FormedLinear, type OnnxForm, refusedModule } from './form.ts';
import type { OnnxModel } from './model.ts';
import { dataType, type NodeProto, newNode, newTensor, type TensorProto } from './proto.ts';

/** The first with scales along an axis. */
const leastOpset = 13;

export function qdqForm(model: OnnxModel): OnnxForm {
  const opset = Number(model.proto.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0n);
  /** Values, and weights, that are dequantized already: name of the result. */
  const made = new Set<string>();
  return {
    scheme: (recipe, method, linear) => {
      const { weights, type } = linear;
      const activations = linear.activations === undefined ? recipe.activations : linear.activations;
      if (opset < leastOpset) throw refusedModule(linear, `${model.file} is of opset ${opset}; scales per channel need ${leastOpset}: export it again`);
      if (type !== 'f32') throw refusedModule(linear, 'QDQ graphs are made of float32 models; export it in float32');
      if (weights.dtype !== 'int' || weights.bits !== 8 || weights.groupSize !== -1)
        throw refusedModule(
          linear,
          `int8 products have 8-bit weights per channel, not ${weights.bits} bits in groups of ${weights.groupSize}; use int8 and "group_size": -1`,
        );
      if (activations !== null && (activations.dynamic || activations.bits !== 8))
        throw refusedModule(
          linear,
          `QuantizeLinear makes 8-bit codes with a fixed scale, not ${activations.bits}-bit ones; use "activations": {"bits": 8, "dynamic": false}`,
        );
      return {
        weights: { ...weights, descAct: false },
        activations,
        dialect: recipe.dialect ?? method.defaultDialect,
        mseSearch: recipe.mseSearch,
        fullRange: recipe.fullRange,
        scaleType: 'f32',
        recipe,
      };
    },
    bytes: ({ rows, cols }) => rows * cols + 5 * rows,
    describe: ({ activations }) => (activations === null ? 'int8 weights' : 'int8 QDQ'),
    make: async (_binding, linear, matrix, output) => {
      const { node, weight } = linear;
      const input = node.input[0] ?? '';
      const parts = [...(matrix.inputScale === undefined ? [] : [quantizedInput(input, matrix.inputScale)]), quantizedWeight(weight.name, matrix)];
      // Linears that read the same value share its codes; the graph has them in the order of computation.
      const fresh = parts.filter(({ result }) => !made.has(result));
      for (const { result } of fresh) made.add(result);
      const [left, right] = [matrix.inputScale === undefined ? input : parts[0]?.result, parts.at(-1)?.result];
      const product = newNode(
        { name: `${node.name === '' ? weight.name : node.name}_QDQ`, opType: 'MatMul', input: [left ?? '', right ?? ''], output: [output] },
        {},
      );
      return { nodes: [...fresh.flatMap(({ nodes }) => nodes), product], tensors: fresh.flatMap(({ tensors }) => tensors) };
    },
    domain: null,
  };
}

interface Dequantized extends FormedLinear {
  readonly result: string;
}

function quantizedInput(name: string, { scale, zero }: InputScale): Dequantized {
  // Linears of one input may be told to differ.
  const own = `${name}_q${zero}_${scale.toExponential(8)}`;
  const symmetric = zero === 128;
  const scales: TensorProto = newTensor({ name: `${own}_scale`, dims: [], dataType: dataType.float, rawData: encodeFloats(Float32Array.of(scale), 'f32') });
  const zeros = newTensor({
    name: `${own}_zero_point`,
    dims: [],
    dataType: symmetric ? dataType.int8 : dataType.uint8,
    rawData: Uint8Array.of(symmetric ? 0 : zero),
  });
  const [codes, result] = [`${own}_codes`, `${own}_dequantized`];
  const parameters = [scales.name, zeros.name];
  return {
    result,
    nodes: [
      newNode({ name: `${own}_QuantizeLinear`, opType: 'QuantizeLinear', input: [name, ...parameters], output: [codes] }, {}),
      newNode({ name: `${own}_DequantizeLinear`, opType: 'DequantizeLinear', input: [codes, ...parameters], output: [result] }, {}),
    ],
    tensors: [scales, zeros],
  };
}

function quantizedWeight(name: string, matrix: AffineMatrix): Dequantized {
  const { rows, cols } = matrix;
  const codes = newTensor({
    name: `${name}_quantized`,
    dims: [BigInt(cols), BigInt(rows)],
    dataType: dataType.int8,
    rawData: turned(bytesOf(signedCodes(matrix)), rows, cols),
  });
  const scales = newTensor({ name: `${name}_scale`, dims: [BigInt(rows)], dataType: dataType.float, rawData: encodeFloats(matrix.scale, 'f32') });
  const zeros = newTensor({
    name: `${name}_zero_point`,
    dims: [BigInt(rows)],
    dataType: dataType.int8,
    rawData: bytesOf(Int8Array.from(unsignedZeros(matrix), (zero) => zero - 128)),
  });
  const result = `${name}_dequantized`;
  const nodes: readonly NodeProto[] = [
    newNode({ name: `${name}_DequantizeLinear`, opType: 'DequantizeLinear', input: [codes.name, scales.name, zeros.name], output: [result] }, { axis: 1 }),
  ];
  return { result, nodes, tensors: [codes, scales, zeros] };
}

/** A cache line of columns of so many rows at once. */
const tile = 64;

/** [rows, cols] -> [cols, rows] */
function turned(codes: Uint8Array, rows: number, cols: number): Uint8Array {
  const out = new Uint8Array(codes.length);
  for (let first = 0; first < rows; first += tile) {
    const last = Math.min(rows, first + tile);
    for (let col = 0; col < cols; col++) for (let row = first; row < last; row++) out[col * rows + row] = codes[row * cols + col] ?? 0;
  }
  return out;
}
