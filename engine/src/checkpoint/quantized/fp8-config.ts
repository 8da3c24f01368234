// quantization_config of quant_method fp8 and fbgemm_fp8: only the blocks that share a scale matter here, and the tensors say the rest.
import { EngineError } from '../../errors.ts';
import type { JsonObject } from '../json-file.ts';
import { spell } from '../spell.ts';
import type { ScaleBlock } from './fp8.ts';

export interface Fp8Config {
  readonly layout: 'fp8';
  /** Rows and columns that share a scale; null = the tensor or its rows. */
  readonly block: ScaleBlock | null;
}

/** Throws kind `checkpoint`. */
export function parseFp8(config: JsonObject, file: string): Fp8Config {
  return { layout: 'fp8', block: parseBlock(config['weight_block_size'], 'weight_block_size', file) };
}

/** A pair of positive whole numbers, or null for nothing. Throws kind `checkpoint`. */
export function parseBlock(value: unknown, where: string, file: string): ScaleBlock | null {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value) && value.length === 2) {
    const [rows, cols] = value as readonly unknown[];
    if (isSize(rows) && isSize(cols)) return [rows, cols];
  }
  throw new EngineError('checkpoint', `${file}: quantization_config: ${where} is ${spell(value)}; it must be two positive whole numbers, rows and columns`, {
    file,
  });
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}
