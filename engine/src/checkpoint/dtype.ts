// Element types of safetensors files and their widths. The names are those of the format's header.

export type Dtype = 'BOOL' | 'U8' | 'I8' | 'F8_E4M3' | 'F8_E5M2' | 'F8_E8M0' | 'U16' | 'I16' | 'F16' | 'BF16' | 'U32' | 'I32' | 'F32' | 'U64' | 'I64' | 'F64';

const widths: Readonly<Record<Dtype, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
};

/** Bytes of one element. */
export function dtypeBytes(dtype: Dtype): number {
  return widths[dtype];
}

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(widths, name);
}

export const dtypeNames: readonly string[] = Object.keys(widths);
