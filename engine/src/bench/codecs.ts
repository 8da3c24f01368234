// Weights of every codec with random values, made in memory, to be timed. What they compute is of no interest, how long it takes is.
import type { WeightSpec } from '@quantwright/native/binding';

/** The base line. */
export const baseCodec = 'f16';

/** Columns that share a scale, where a codec has groups. */
export const benchGroupSize = 128;

/** By name, as kernels/linear has them; bcq4 and qrazor4 have 4 bits. SpQR is missing: its outliers lie where a solved matrix has them. */
export const benchCodecs: Readonly<Record<string, (rows: number, cols: number, random: () => number) => WeightSpec>> = {
  f16: (rows, cols, random) => {
    const data = new Uint16Array(rows * cols);
    // 0.06 to 0.12 with either sign: neither subnormal nor large.
    for (let i = 0; i < data.length; i++) data[i] = 0x2c00 | (random() & 0x83ff);
    return { codec: 'dense', type: 'f16', rows, cols, data: new Uint8Array(data.buffer) };
  },
  q8: affine('q8', 8),
  q6: affine('q6', 6),
  q5: affine('q5', 5),
  q4: affine('q4', 4),
  q3: affine('q3', 3),
  q2: affine('q2', 2),
  w8a8: affine('w8a8', 8, -1),
  w4a8: affine('w4a8', 4),
  nf4: (rows, cols, random) => ({
    codec: 'table4',
    rows,
    cols,
    block: 64,
    codes: bytes(Math.ceil((rows * cols) / 2), 0xff, random),
    absmax: new Float32Array(Math.ceil((rows * cols) / 64)).fill(0.05),
    table: Float32Array.from({ length: 16 }, (_, code) => (code - 7.5) / 7.5),
  }),
  f8: (rows, cols, random) => ({
    codec: 'f8',
    type: 'e4m3',
    rows,
    cols,
    data: bytes(rows * cols, 0xb7, random),
    scale: Float32Array.of(0.01),
    scaleRows: rows,
    scaleCols: cols,
  }),
  bcq4: (rows, cols, random) => ({
    codec: 'bcq',
    rows,
    cols,
    bits: 4,
    groupSize: benchGroupSize,
    planes: bytes(Math.ceil(cols / 32) * 4 * rows * 4, 0xff, random),
    alpha: { type: 'f32', data: new Uint8Array(new Float32Array(Math.ceil(cols / benchGroupSize) * 4 * rows).fill(0.01).buffer) },
  }),
  qrazor4: (rows, cols, random) => ({
    codec: 'qrazor',
    rows,
    cols,
    groupSize: 32,
    axis: 'inputs',
    baseBits: 8,
    bits: 4,
    codes: Int8Array.from(bytes(rows * cols, 0x7, random)),
    shifts: bytes((rows * cols) / 32, 0x3, random),
    scale: new Float32Array(rows).fill(0.001),
  }),
};

function affine(codec: 'q8' | 'q6' | 'q5' | 'q4' | 'q3' | 'q2' | 'w8a8' | 'w4a8', bits: number, groupSize = benchGroupSize) {
  return (rows: number, cols: number, random: () => number): WeightSpec => {
    const groups = groupSize === -1 ? 1 : Math.ceil(cols / groupSize);
    const middle = 2 ** (bits - 1);
    const codes = bytes(rows * cols, 2 ** bits - 1, random);
    return {
      codec,
      rows,
      cols,
      groupSize,
      // Codes of integer products are signed around 0.
      codes: codec === 'w8a8' ? Int8Array.from(codes, (code) => code - middle) : codes,
      scale: new Float32Array(rows * groups).fill(1 / 256),
      zero: new Float32Array(rows * groups).fill(codec === 'w8a8' ? 0 : middle),
      scaleType: 'f16',
    };
  };
}

function bytes(count: number, mask: number, random: () => number): Uint8Array {
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) out[i] = random() & mask;
  return out;
}
