// What the tensors of a packed module say about its quantization: bits and group size from shapes alone (GPTQ, AWQ, compressed-tensors), the block of
// fp8 scales. Null: this module is not packed that way, or its header is not known.
import type { TensorHeader, TensorTable } from '../../checkpoint/model-files.ts';

export interface Measured {
  /** Null: the shapes do not tell. */
  readonly bits: number | null;
  /** -1: per channel. */
  readonly groupSize: number | null;
  /** [rows, columns] that share a scale; null: not in blocks. */
  readonly block: readonly [number, number] | null;
  /** How it was read from the shapes, for people. */
  readonly because: string;
}

/** What a config claims, for what the shapes leave open. */
export interface Claimed {
  readonly bits: number;
  readonly groupSize: number;
  readonly block: readonly [number, number] | null;
}

/** `inputs`: in_features where the model's sizes are known. */
export type Measure = (module: string, table: TensorTable, claimed: Claimed, inputs: number | null) => Measured | null;

/** Bits of one word of packed codes. */
const WORD: Readonly<Record<string, number>> = { I8: 8, U8: 8, I16: 16, I32: 32, U32: 32, I64: 64 };

/** qweight [K * bits / word, N], scales [groups, N], qzeros [groups, N * bits / word]. */
export const measureGptq: Measure = (module, table, claimed) => {
  const [codes, scales, zeros] = ['qweight', 'scales', 'qzeros'].map((name) => matrix(table, module, name));
  const word = codes === null || codes === undefined ? undefined : WORD[codes.dtype];
  if (!codes || !scales || !zeros || word === undefined || zeros.dtype !== codes.dtype || scales.columns !== codes.columns) {
    return null;
  }
  const bits = (zeros.columns * word) / codes.columns;
  const inputs = (codes.rows * word) / bits;
  if (!Number.isInteger(bits) || !Number.isInteger(inputs) || bits < 1 || bits > 8) {
    return null;
  }
  const because = `qzeros [${zeros.rows}, ${zeros.columns}] against ${codes.columns} outputs, K = ${codes.rows} x ${word} / ${bits} = ${inputs}, ${scales.rows} rows of scales`;
  return { bits, groupSize: groupOf(inputs, scales.rows, claimed.groupSize), block: null, because };
};

/** gemm: qweight [K, N * bits / 32], scales [groups, N]. */
export const measureAwq: Measure = (module, table, claimed) => {
  const codes = matrix(table, module, 'qweight');
  const scales = matrix(table, module, 'scales');
  const word = codes === null ? undefined : WORD[codes.dtype];
  if (codes === null || scales === null || word === undefined || scales.columns === 0) {
    return null;
  }
  const bits = (codes.columns * word) / scales.columns;
  const because = `qweight [${codes.rows}, ${codes.columns}] against scales [${scales.rows}, ${scales.columns}]`;
  return !Number.isInteger(bits) || bits < 1 || bits > 8
    ? null
    : { bits, groupSize: groupOf(codes.rows, scales.rows, claimed.groupSize), block: null, because };
};

/** pack-quantized: weight_packed [N, K * bits / 32], weight_scale [N, groups]. Bits need K, which the model's sizes tell. */
export const measurePacked: Measure = (module, table, claimed, inputs) => {
  const codes = matrix(table, module, 'weight_packed');
  const scales = matrix(table, module, 'weight_scale');
  const word = codes === null ? undefined : WORD[codes.dtype];
  if (codes === null || scales === null || word !== 32 || codes.rows !== scales.rows) {
    return null;
  }
  const per = inputs === null ? null : (codes.columns * word) / inputs;
  const bits = per !== null && Number.isInteger(per) && per >= 1 && per <= 8 ? per : null;
  const width = bits === null ? (codes.columns * word) / claimed.bits : (inputs ?? 0);
  const because = `weight_packed [${codes.rows}, ${codes.columns}] and weight_scale [${scales.rows}, ${scales.columns}], K = ${width}`;
  return { bits, groupSize: Number.isInteger(width) ? groupOf(width, scales.columns, claimed.groupSize) : null, block: null, because };
};

/** weight [N, K] in fp8, weight_scale_inv [N / rows, K / columns], rounded up. */
export const measureBlocks: Measure = (module, table, claimed) => {
  const codes = matrix(table, module, 'weight');
  const scales = matrix(table, module, 'weight_scale_inv');
  if (codes === null || scales === null || !codes.dtype.startsWith('F8_') || scales.rows === 0 || scales.columns === 0) {
    return null;
  }
  const because = `weight [${codes.rows}, ${codes.columns}] and weight_scale_inv [${scales.rows}, ${scales.columns}]`;
  const [rows, columns] = claimed.block ?? [0, 0];
  const holds = rows > 0 && columns > 0 && Math.ceil(codes.rows / rows) === scales.rows && Math.ceil(codes.columns / columns) === scales.columns;
  const block = holds ? ([rows, columns] as const) : ([Math.ceil(codes.rows / scales.rows), Math.ceil(codes.columns / scales.columns)] as const);
  return { bits: null, groupSize: null, block, because };
};

interface Matrix {
  readonly dtype: string;
  readonly rows: number;
  readonly columns: number;
}

function matrix({ tensors }: TensorTable, module: string, name: string): Matrix | null {
  const header: TensorHeader | null = tensors.get(`${module}.${name}`) ?? null;
  const [rows, columns] = header?.shape ?? [];
  return header === null || header.shape.length !== 2 || rows === undefined || columns === undefined ? null : { dtype: header.dtype, rows, columns };
}

/** Inputs that share a scale; -1 for one group a row. The claimed size where it gives as many groups. Null: the groups do not fill the row. */
function groupOf(inputs: number, groups: number, claimed: number): number | null {
  if (claimed > 0 && Math.ceil(inputs / claimed) === groups) {
    return claimed;
  }
  if (groups === 1) {
    return -1;
  }
  const size = Math.ceil(inputs / groups);
  return groups > 1 && Math.ceil(inputs / size) === groups ? size : null;
}
