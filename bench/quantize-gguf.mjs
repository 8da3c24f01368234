// GGUF tensor types for the peer's files: F32, F16, BF16, Q8_0, Q4_0 (block layouts of the GGUF format: 32 weights, one f16 scale).
// Speed is what these files are for; the rounding follows the format's reference closely enough for that and no further claim.

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** f32 -> f16 bits, round to nearest even. */
export function toHalf(value) {
  f32[0] = value;
  const bits = u32[0];
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  let mantissa = bits & 0x7fffff;
  if (exponent >= 31) return sign | 0x7c00 | (exponent === 143 && mantissa ? 1 : 0);
  if (exponent <= 0) {
    if (exponent < -10) return sign;
    mantissa |= 0x800000;
    const shift = 14 - exponent;
    const half = mantissa >>> shift;
    const rest = mantissa & ((1 << shift) - 1);
    const middle = 1 << (shift - 1);
    return sign | (half + (rest > middle || (rest === middle && half & 1) ? 1 : 0));
  }
  const half = (exponent << 10) | (mantissa >>> 13);
  const rest = mantissa & 0x1fff;
  return sign | (half + (rest > 0x1000 || (rest === 0x1000 && half & 1) ? 1 : 0));
}

/** f32 -> bf16 bits, round to nearest even (finite values). */
export function toBf16(value) {
  f32[0] = value;
  const bits = u32[0];
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function blocks(values, bytesPerBlock, encode) {
  const out = Buffer.alloc((values.length / 32) * bytesPerBlock);
  for (let block = 0; block < values.length / 32; block++) encode(values, block * 32, out, block * bytesPerBlock);
  return out;
}

function encodeQ8(values, at, out, to) {
  let max = 0;
  for (let i = 0; i < 32; i++) max = Math.max(max, Math.abs(values[at + i]));
  const scale = max / 127;
  out.writeUInt16LE(toHalf(scale), to);
  const inverse = scale ? 1 / scale : 0;
  for (let i = 0; i < 32; i++) out[to + 2 + i] = Math.round(values[at + i] * inverse);
}

function encodeQ4(values, at, out, to) {
  let extreme = 0;
  for (let i = 0; i < 32; i++) if (Math.abs(values[at + i]) > Math.abs(extreme)) extreme = values[at + i];
  const scale = extreme / -8;
  out.writeUInt16LE(toHalf(scale), to);
  const inverse = scale ? 1 / scale : 0;
  const code = (i) => Math.min(15, Math.floor(values[at + i] * inverse + 8.5));
  for (let i = 0; i < 16; i++) out[to + 2 + i] = code(i) | (code(i + 16) << 4);
}

/** id: the number GGUF uses; bytes(n): size of n weights; encode: Float32Array -> Buffer. */
export const types = {
  f32: { id: 0, bytes: (n) => n * 4, encode: (values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength) },
  f16: { id: 1, bytes: (n) => n * 2, encode: (values) => Buffer.from(Uint16Array.from(values, toHalf).buffer) },
  bf16: { id: 30, bytes: (n) => n * 2, encode: (values) => Buffer.from(Uint16Array.from(values, toBf16).buffer) },
  q8_0: { id: 8, bytes: (n) => (n / 32) * 34, encode: (values) => blocks(values, 34, encodeQ8) },
  q4_0: { id: 2, bytes: (n) => (n / 32) * 18, encode: (values) => blocks(values, 18, encodeQ4) },
};
