// The 16 values of NF4 and FP4 by code, as the native quantizer has them (kernels/solve/table4): what a plan writes into config.json before a weight is read.
export type Table4Name = 'nf4' | 'fp4';

/** Quantiles of a normal distribution; QLoRA (Dettmers et al. 2023), appendix E. */
const nf4 = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534,
  0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
];
/** Neural Compressor's, rising; the last code is not used. */
const rising = [-12, -8, -6, -4, -3, -2, -0.0625, 0, 0.0625, 2, 3, 4, 6, 8, 12, 12];
/** By the bits of the code: sign, two of exponent, one of mantissa. In twelfths of the largest. */
const byBits = [0, 0.0625, 8, 12, 4, 6, 2, 3, 0, -0.0625, -8, -12, -4, -6, -2, -3];

export function tableValues(type: Table4Name, dialect: 'inc' | 'bitsandbytes'): Float32Array {
  if (type === 'nf4') return Float32Array.from(nf4);
  return dialect === 'inc' ? Float32Array.from(rising) : Float32Array.from(byBits, (value) => value / 12);
}
