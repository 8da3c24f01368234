// A plain bitsandbytes 4-bit quantizer and its inverse, written from algorithms section 18.4; it shares nothing with the reader or the kernel.
import type { TestTensor } from './stored-tensors.ts';

/** QLoRA's NormalFloat (arXiv 2305.14314, appendix E), and FP4 as bitsandbytes orders its codes: sign, then 0, 1/192, 2/3, 1, 1/3, 1/2, 1/6, 1/4. */
export const tables = {
  nf4: Float32Array.from([
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
  ]),
  fp4: Float32Array.from([0, 1 / 192, 2 / 3, 1, 1 / 3, 1 / 2, 1 / 6, 1 / 4, 0, -1 / 192, -2 / 3, -1, -1 / 3, -1 / 2, -1 / 6, -1 / 4]),
};

export interface BnbOptions {
  readonly type: keyof typeof tables;
  readonly blocksize: number;
  /** Blocks of absmax that share one of its own; null = absmax in f32. */
  readonly nested: number | null;
}

export interface BnbLinear {
  readonly tensors: readonly TestTensor[];
  /** What the tensors mean, [rows, cols]. */
  readonly weights: Float32Array;
}

/** `module`: with the suffixes of a state dict. */
export function bnbLinear(module: string, values: Float32Array, rows: number, cols: number, { type, blocksize, nested }: BnbOptions): BnbLinear {
  const table = tables[type];
  const blocks = Math.ceil(values.length / blocksize);
  const exact = Float32Array.from({ length: blocks }, (_, block) =>
    values.subarray(block * blocksize, (block + 1) * blocksize).reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  );
  const inner = nested === null ? null : nest(exact, nested);
  const absmax = inner?.absmax ?? exact;
  const bytes = new Uint8Array(Math.ceil(values.length / 2));
  const weights = values.map((value, index) => {
    const most = absmax[Math.floor(index / blocksize)] ?? 0;
    const code = nearest(table, most === 0 ? 0 : value / most);
    bytes[index >> 1] = (bytes[index >> 1] ?? 0) | (index % 2 === 0 ? code << 4 : code);
    return (table[code] ?? 0) * most;
  });
  const state = {
    quant_type: type,
    blocksize,
    dtype: 'bfloat16',
    shape: [rows, cols],
    ...(inner === null ? {} : { nested_blocksize: nested, nested_dtype: 'float32', nested_offset: inner.offset }),
  };
  const json = new TextEncoder().encode(JSON.stringify(state));
  const name = (part: string): string => `${module}.weight${part}`;
  return {
    weights,
    tensors: [
      { name: name(''), dtype: 'U8', shape: [bytes.length, 1], data: bytes },
      { name: name('.quant_map'), dtype: 'F32', shape: [16], data: table },
      ...(inner === null
        ? [{ name: name('.absmax'), dtype: 'F32', shape: [blocks], data: exact } as const]
        : ([
            { name: name('.absmax'), dtype: 'U8', shape: [blocks], data: inner.codes },
            { name: name('.nested_absmax'), dtype: 'F32', shape: [inner.outer.length], data: inner.outer },
            { name: name('.nested_quant_map'), dtype: 'F32', shape: [256], data: inner.map },
          ] as const)),
      { name: name(`.quant_state.bitsandbytes__${type}`), dtype: 'U8', shape: [json.length], data: json },
    ],
  };
}

function nest(exact: Float32Array, size: number) {
  const offset = Math.fround(exact.reduce((sum, value) => sum + value, 0) / exact.length);
  // The published map is not linear; any sorted one must do.
  const map = Float32Array.from({ length: 256 }, (_, index) => Math.sign(index - 127) * (Math.abs(index - 127) / 128) ** 2);
  const outer = Float32Array.from({ length: Math.ceil(exact.length / size) }, (_, block) =>
    exact.subarray(block * size, (block + 1) * size).reduce((most, value) => Math.max(most, Math.abs(value - offset)), 0),
  );
  const codes = Uint8Array.from(exact, (value, index) => {
    const most = outer[Math.floor(index / size)] ?? 0;
    return nearest(map, most === 0 ? 0 : (value - offset) / most);
  });
  const absmax = Float32Array.from(codes, (code, index) => Math.fround((map[code] ?? 0) * (outer[Math.floor(index / size)] ?? 0)) + offset);
  return { offset, map, outer, codes, absmax };
}

function nearest(table: Float32Array, value: number): number {
  let best = 0;
  for (let code = 1; code < table.length; code += 1) if (Math.abs((table[code] ?? 0) - value) < Math.abs((table[best] ?? 0) - value)) best = code;
  return best;
}
