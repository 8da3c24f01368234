// A solved SpQR matrix -> the tensors of its kind, and the same weight for the kernels.
import type { NativeBinding, SpqrResult } from '@quantwright/native/binding';
import { EngineError } from '../../errors.ts';
import type { CodedMatrix } from '../../methods/method.ts';
import { outlierBits, statGroup } from '../../methods/spqr/options.ts';
import { encodeFloats, encodeInt32 } from '../../pipeline/layouts/codes.ts';
import { spqrTensors } from './kind.ts';

export interface SpqrWidths {
  readonly bits: 2 | 3 | 4;
  /** 1..cols */
  readonly groupSize: number;
  readonly scaleBits: number;
  readonly zeroBits: number;
  /** g_idx is stored. */
  readonly descAct: boolean;
}

/** Throws kind `internal` for a row of more outliers than 16 bits count. */
export async function packSpqr(binding: NativeBinding, rows: number, cols: number, widths: SpqrWidths, result: SpqrResult): Promise<CodedMatrix> {
  const { bits, groupSize, scaleBits, zeroBits, descAct } = widths;
  const { groups, gIdx, columns, values } = result;
  const planned = spqrTensors(rows, cols, { bits, groups, levelBits: scaleBits + zeroBits, ordered: descAct, outliers: columns.length });
  const codes = await binding.packRows(result.codes, rows, cols, bits);
  const second = encodeFloats(interleaved([result.scaleStep, result.scaleZero, result.zeroStep, result.zeroZero]), 'f16');
  const levels = encodeLevels(result, rows, scaleBits, zeroBits);
  const counts = encodeCounts(result.rowBegin);
  const places = cols <= 65536 ? bytesOf(Uint16Array.from(columns)) : encodeInt32(columns);
  const amounts = encodeFloats(values, 'f16');
  const data = [codes, second, levels, ...(descAct ? [encodeInt32(gIdx)] : []), counts, places, amounts];
  return {
    kind: 'spqr',
    rows,
    cols,
    tensors: planned.map((tensor, index) => ({ ...tensor, data: data[index] ?? new Uint8Array() })),
    spec: {
      codec: 'spqr',
      rows,
      cols,
      bits,
      groupSize,
      scaleBits,
      zeroBits,
      codes,
      second,
      levels,
      ...(descAct ? { gIdx } : {}),
      outliers: { count: columns.length, counts, columns: places, values: amounts },
    },
    sqnrDb: result.sqnrDb,
    mse: result.mse,
    notFinite: result.notFinite,
    figures: {
      averageBits: result.averageBits,
      outlierBits: (outlierBits * columns.length) / (rows * cols),
      outlierThreshold: result.relativeThreshold,
    },
  };
}

/** [n] of each -> [n, parts]. */
function interleaved(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array((parts[0]?.length ?? 0) * parts.length);
  for (const [part, values] of parts.entries()) for (let at = 0; at < values.length; at++) out[at * parts.length + part] = values[at] ?? 0;
  return out;
}

/** Levels [rows, groups] bit by bit: one word for a bit of 16 rows. Rows beyond the last are 0. */
export function encodeLevels(
  { groups, scaleLevels, zeroLevels }: Pick<SpqrResult, 'groups' | 'scaleLevels' | 'zeroLevels'>,
  rows: number,
  scaleBits: number,
  zeroBits: number,
): Uint8Array {
  const words = new Uint16Array(Math.ceil(rows / statGroup) * groups * (scaleBits + zeroBits));
  for (let row = 0; row < rows; row++) {
    const tile = Math.floor(row / statGroup);
    const lane = row % statGroup;
    for (let group = 0; group < groups; group++) {
      const level = (scaleLevels[row * groups + group] ?? 0) | ((zeroLevels[row * groups + group] ?? 0) << scaleBits);
      const first = (tile * groups + group) * (scaleBits + zeroBits);
      for (let bit = 0; bit < scaleBits + zeroBits; bit++) words[first + bit] = (words[first + bit] ?? 0) | (((level >>> bit) & 1) << lane);
    }
  }
  return bytesOf(words);
}

function encodeCounts(rowBegin: Int32Array): Uint8Array {
  const counts = new Uint16Array(rowBegin.length - 1);
  for (let row = 0; row < counts.length; row++) {
    const count = (rowBegin[row + 1] ?? 0) - (rowBegin[row] ?? 0);
    if (count > 65535) throw new EngineError('internal', `row ${row} has ${count} outliers, more than can be counted; raise outlier_threshold`);
    counts[row] = count;
  }
  return bytesOf(counts);
}

function bytesOf(values: Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
