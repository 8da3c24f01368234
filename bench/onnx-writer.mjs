// Writes the ONNX models that the kernel benchmarks give onnxruntime: independent nodes behind one input, so that a run reads as many weights as
// there are nodes. Field numbers: onnx/onnx.proto3. Operators: ContribOperators.md :: MatMulNBits, DynamicQuantizeMatMul.
const varint = (value) => {
  const bytes = [];
  let rest = BigInt(value);
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
};
const integer = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field, value) => {
  const data = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint((field << 3) | 2), varint(data.length), data]);
};
const message = (field, ...parts) => bytes(field, Buffer.concat(parts));

const dataType = { float: 1, uint8: 2, int8: 3 };
const attribute = (name, value) => message(5, bytes(1, name), integer(3, value), integer(20, 2));
const dimension = (value) => message(1, typeof value === 'string' ? bytes(2, value) : integer(1, value));
const valueInfo = (field, name, dimensions) =>
  message(field, bytes(1, name), message(2, message(1, integer(1, dataType.float), message(2, ...dimensions.map(dimension)))));
const initializer = (name, type, dimensions, data) =>
  message(5, ...dimensions.map((size) => integer(1, size)), integer(2, dataType[type]), bytes(8, name), bytes(9, data));

/** `copies` nodes Y_c = A [m, k] x dequantize(B_c [n, k])^T; accuracyLevel 4: int8 activations and accumulation. */
export function matMulNBitsModel({ n, k, blockSize, accuracyLevel, copies }) {
  const blocks = Math.ceil(k / blockSize);
  const parts = [];
  for (let copy = 0; copy < copies; copy++) {
    const codes = Buffer.alloc((n * blocks * blockSize) / 2);
    for (let i = 0; i < codes.length; i++) codes[i] = ((i + copy) * 2654435761) >>> 24;
    const scales = Buffer.from(new Float32Array(n * blocks).fill(0.0078125).buffer);
    parts.push(
      message(
        1,
        ...['A', `B${copy}`, `S${copy}`].map((name) => bytes(1, name)),
        bytes(2, `Y${copy}`),
        bytes(4, 'MatMulNBits'),
        attribute('K', k),
        attribute('N', n),
        attribute('bits', 4),
        attribute('block_size', blockSize),
        attribute('accuracy_level', accuracyLevel),
        bytes(7, 'com.microsoft'),
      ),
      initializer(`B${copy}`, 'uint8', [n, blocks, blockSize / 2], codes),
      initializer(`S${copy}`, 'float', [n * blocks], scales),
      valueInfo(12, `Y${copy}`, ['m', n]),
    );
  }
  return modelOf(k, parts);
}

/** `copies` nodes Y_c = A [m, k] x B_c [k, n]: activations become uint8 by one scale and zero at run time, weights are int8 with a scale per output. */
export function dynamicQuantizeMatMulModel({ n, k, copies }) {
  const parts = [];
  for (let copy = 0; copy < copies; copy++) {
    const codes = Buffer.alloc(n * k);
    for (let i = 0; i < codes.length; i++) codes[i] = ((i + copy) * 2654435761) >>> 24;
    const scales = Buffer.from(new Float32Array(n).fill(0.0078125).buffer);
    parts.push(
      message(
        1,
        ...['A', `B${copy}`, `S${copy}`].map((name) => bytes(1, name)),
        bytes(2, `Y${copy}`),
        bytes(4, 'DynamicQuantizeMatMul'),
        bytes(7, 'com.microsoft'),
      ),
      initializer(`B${copy}`, 'int8', [k, n], codes),
      initializer(`S${copy}`, 'float', [n], scales),
      valueInfo(12, `Y${copy}`, ['m', n]),
    );
  }
  return modelOf(k, parts);
}

function modelOf(k, parts) {
  const graph = message(7, bytes(2, 'kernels'), valueInfo(11, 'A', ['m', k]), ...parts);
  const opset = (domain, version) => message(8, bytes(1, domain), integer(2, version));
  return Buffer.concat([integer(1, 9), graph, opset('', 17), opset('com.microsoft', 1)]);
}
