// A quantized matrix as the tensors of a MatMulNBits node. Source: microsoft/onnxruntime docs/ContribOperators.md :: com.microsoft.MatMulNBits.
//   B            uint8 [rows, blocks, block_size * bits / 8], the lowest bits first, the end of a row filled up
//   scales       [rows * blocks] in the type of the activations
//   zero_points  uint8 [rows * ceil(blocks * bits / 8)], rows packed one by one; absent: 2^(bits-1)
import type { NativeBinding } from '@quantwright/native/binding';
import type { AffineMatrix } from '../methods/method.ts';
import { encodeFloats, unsignedCodes, unsignedZeros } from '../pipeline/layouts/codes.ts';
import { type FormedLinear, type OnnxForm, refusedModule } from './form.ts';
import type { OnnxLinear } from './linears.ts';
import { dataType, newNode, newTensor } from './proto.ts';

const partBits = [4, 8];

/** Weights of 4 or 8 bits in blocks, activations as they are. */
export const nbitsForm: OnnxForm = {
  scheme: (recipe, method, linear) => {
    const { weights, cols, type } = linear;
    if (weights.dtype !== 'int' || !partBits.includes(weights.bits))
      throw refusedModule(linear, `MatMulNBits runs with 4 or 8 bits, not ${weights.bits}; use uint4 or uint8`);
    if (blockSize(weights.groupSize, cols) === null)
      throw refusedModule(
        linear,
        `groups of ${weights.groupSize} weights do not consist of the blocks of MatMulNBits (16, 32, 64, 128 or 256); use "group_size": 32 or 128`,
      );
    const observing = method.needs.observe.length > 0;
    if (weights.descAct && !weights.staticGroups && weights.groupSize !== -1 && observing)
      throw refusedModule(linear, 'MatMulNBits has its blocks in the order of columns; use "desc_act": false, or "static_groups": true with it');
    // Zero points are integers in its blocks.
    const asked = recipe.dialect ?? method.defaultDialect;
    return {
      weights: { ...weights, descAct: weights.descAct && weights.staticGroups && observing },
      dialect: asked === 'instant_quant' ? 'ist' : asked,
      mseSearch: recipe.mseSearch,
      fullRange: recipe.fullRange,
      scaleType: type,
      recipe,
    };
  },
  bytes: (linear, { weights, dialect }) => {
    const { codeBytes, scaleBytes, zeroBytes } = nbitsSizes(linear, weights.bits, weights.groupSize, dialect !== 'awq' && weights.symmetric);
    return codeBytes + scaleBytes + zeroBytes;
  },
  describe: ({ weights }) => `MatMulNBits ${weights.bits} bits`,
  make: nbitsOf,
  domain: { name: 'com.microsoft', version: 1 },
};

/** What onnxruntime's kernels have (matmul_nbits.cc). */
const blockSizes = [256, 128, 64, 32, 16];

/** Of a row of `cols` weights in groups of `groupSize`: the largest block that a group consists of; its scale is repeated for each. Null: there is none. */
export function blockSize(groupSize: number, cols: number): number | null {
  return blockSizes.find((size) => groupSize === -1 || groupSize >= cols || groupSize % size === 0) ?? null;
}

interface NBitsSizes {
  readonly blocks: number;
  readonly codeBytes: number;
  readonly scaleBytes: number;
  /** 0: no zero points. */
  readonly zeroBytes: number;
}

function nbitsSizes({ rows, cols, type }: OnnxLinear, bits: number, groupSize: number, symmetric: boolean): NBitsSizes {
  const size = blockSize(groupSize, cols) ?? 16;
  const blocks = Math.ceil(cols / size);
  return {
    blocks,
    codeBytes: rows * blocks * ((size * bits) / 8),
    scaleBytes: rows * blocks * (type === 'f32' ? 4 : 2),
    zeroBytes: symmetric ? 0 : rows * Math.ceil((blocks * bits) / 8),
  };
}

async function nbitsOf(binding: NativeBinding, linear: OnnxLinear, matrix: AffineMatrix, output: string): Promise<FormedLinear> {
  const { rows, cols, node, weight, type } = linear;
  const { bits, groupSize } = matrix;
  const size = blockSize(groupSize, cols);
  if (size === null) throw new Error(`groups of ${groupSize} weights have no blocks`);
  const blocks = Math.ceil(cols / size);
  const name = weight.name;
  const ofBlocks = <T extends Float32Array | Uint8Array>(values: T, out: T): T => {
    for (let at = 0; at < out.length; at++) out[at] = values[Math.floor(at / blocks) * matrix.groups + Math.floor(((at % blocks) * size) / groupSize)] ?? 0;
    return out;
  };
  const zeros = ofBlocks(unsignedZeros(matrix), new Uint8Array(rows * blocks));
  const middle = 2 ** (bits - 1);
  const withZeros = zeros.some((zero) => zero !== middle);
  const codes = await padded(binding, unsignedCodes(matrix), rows, cols, bits, (blocks * size * bits) / 8);
  const scales = encodeFloats(ofBlocks(matrix.scale, new Float32Array(rows * blocks)), type);
  const tensors = [
    newTensor({ name: `${name}_Q${bits}`, dims: [rows, blocks, (size * bits) / 8].map(BigInt), dataType: dataType.uint8, rawData: codes }),
    newTensor({ name: `${name}_scales`, dims: [BigInt(rows * blocks)], dataType: type === 'f32' ? dataType.float : dataType.float16, rawData: scales }),
  ];
  if (withZeros) {
    const bytes = Math.ceil((blocks * bits) / 8);
    const packed = await padded(binding, zeros, rows, blocks, bits, bytes);
    tensors.push(newTensor({ name: `${name}_zero_points`, dims: [BigInt(rows * bytes)], dataType: dataType.uint8, rawData: packed }));
  }
  const inputs = [node.input[0] ?? '', ...tensors.map((tensor) => tensor.name)];
  const product = newNode(
    {
      name: node.name === '' ? `${name}_Q${bits}` : `${node.name}_Q${bits}`,
      opType: 'MatMulNBits',
      domain: 'com.microsoft',
      input: inputs,
      output: [output],
    },
    { K: cols, N: rows, bits, block_size: size },
  );
  return { nodes: [product], tensors };
}

/** Rows of codes, the lowest bits first, each in `rowBytes` bytes. */
async function padded(
  binding: NativeBinding,
  codes: Uint8Array,
  rows: number,
  cols: number,
  bits: AffineMatrix['bits'],
  rowBytes: number,
): Promise<Uint8Array> {
  const words = await binding.packRows(codes, rows, cols, bits);
  const wordBytes = words.length / rows;
  if (wordBytes === rowBytes) return words;
  const out = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row++) out.set(words.subarray(row * wordBytes, row * wordBytes + Math.min(wordBytes, rowBytes)), row * rowBytes);
  return out;
}
