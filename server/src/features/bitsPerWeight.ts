// Bits that one weight really takes, with its share of the scales and zero points.
import type { Recipe } from '@quantwright/schemas/recipe/recipe';

export interface BitsPerWeight {
  readonly bits: number;
  /** "4 + (16 + 4) / 128": what it is made of. */
  readonly sum: string;
}

/** Widths of stored scales in bits; block formats define theirs (OCP Microscaling Formats 1.0: E8M0; NVFP4: E4M3). */
const SCALE_BITS = { f16: 16, bf16: 16, f32: 32 } as const;

/** `rowLength`: K of the linears, for scales per channel; null when no model is known. Null: the layout's overhead is not known. */
export function bitsPerWeight(
  { weights, scaleType, scheme }: Pick<Recipe, 'weights' | 'scaleType' | 'scheme'>,
  rowLength: number | null,
): BitsPerWeight | null {
  switch (weights.dtype) {
    case 'mxfp4':
      return shared(4, 8, 0, 32);
    case 'mxfp8':
      return shared(8, 8, 0, 32);
    case 'nvfp4':
      return shared(4, 8, 0, 16);
    case 'nf4':
    case 'fp4':
      // bitsandbytes :: functional.py quantize_4bit, one f32 absmax for each block of 64.
      return scheme === 'bitsandbytes' ? shared(4, 32, 0, 64) : null;
    case 'codebook':
      return null;
    default:
  }
  const scale = SCALE_BITS[scaleType];
  if (weights.block) return shared(weights.bits, weights.dtype === 'int' ? scale : 32, 0, weights.block[0] * weights.block[1]);
  const group = weights.groupSize > 0 ? weights.groupSize : rowLength;
  const zero = weights.zeroPoint === 'integer' ? weights.bits : weights.zeroPoint === 'float' ? scale : 0;
  return group === null ? null : shared(weights.bits, scale, zero, group);
}

function shared(bits: number, scale: number, zero: number, group: number): BitsPerWeight {
  return { bits: bits + (scale + zero) / group, sum: zero === 0 ? `${bits} + ${scale} / ${group}` : `${bits} + (${scale} + ${zero}) / ${group}` };
}
