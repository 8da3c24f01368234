// `weight_format` names (int8, uint4, fp8_e4m3 ...) <-> the type of the weight codes.
import type { WeightRecipe } from '../recipe/recipe.ts';

export type CodeType = Pick<WeightRecipe, 'dtype' | 'bits' | 'signed'>;

export function parseWeightFormat(name: string | null): CodeType | null {
  if (name === 'fp8_e4m3') {
    return { dtype: 'fp8_e4m3', bits: 8, signed: true };
  }
  if (name === 'nf4' || name === 'fp4') {
    return { dtype: name, bits: 4, signed: true };
  }
  const match = /^(?:(u?)int([23468])|(u)int(1))$/.exec(name ?? '');
  return match === null ? null : { dtype: 'int', bits: Number(match[2] ?? match[4]), signed: (match[1] ?? match[3]) === '' };
}

export function weightFormatName(type: CodeType): string {
  return type.dtype === 'fp8_e4m3' || type.dtype === 'nf4' || type.dtype === 'fp4' ? type.dtype : `${type.signed ? 'int' : 'uint'}${type.bits}`;
}
