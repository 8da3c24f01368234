// Kind `spqr`: codes of 2 to 4 bits whose scales and zeros are quantized themselves, and sparse outliers.
//
//   w = (code - zero) * scale + outlier,  scale = scale_step * (scale_level - scale_zero),  zero = zero_step * (zero_level - zero_zero)
//
// Tensors of a linear [out, in] with `groups` groups of columns and tiles of 16 rows:
//   weight_packed    I32 [out, ceil(in * bits / 32)] codes along the row
//   stat_scales      F16 [tiles, groups, 4] scale_step, scale_zero, zero_step, zero_zero
//   stat_levels      U16 [tiles, groups, scale_bits + zero_bits] bit r of word b is bit b of the level of row r of the tile; scales first
//   g_idx            I32 [in] group of every column, in activation order only
//   outlier_counts   U16 [out], outlier_columns U16 [n] (I32 where in is above 65536), outlier_values F16 [n]: row by row, columns rising

import { isJsonObject, type JsonObject } from '../../checkpoint/json-file.ts';
import { groupCount, packedWords, suffix } from '../../checkpoint/layouts.ts';
import type { MappedCheckpoint } from '../../checkpoint/mapped.ts';
import { expectTensor, fail, type LinearPlace, readGroupIndex } from '../../checkpoint/quantized/stored.ts';
import { EngineError } from '../../errors.ts';
import { bitsWithoutOutliers, outlierBits, spqrOptions, statGroup } from '../../methods/spqr/options.ts';
import type { ModulePlan } from '../../pipeline/layouts/layout.ts';
import type { Kind, StoredTensor } from '../kind.ts';

export const spqrKind: Kind = {
  id: 'spqr',

  refusal({ rows, cols, scheme: { weights, recipe } }) {
    const { targetBits } = spqrOptions(recipe);
    if (![2, 3, 4].includes(weights.bits)) return `spqr rounds to 2, 3 or 4 bits, not ${weights.bits}`;
    const size = groupSizeOf(weights.groupSize, cols);
    if (size !== cols && 128 % size !== 0 && size % 128 !== 0) return `spqr needs a group_size that divides 128 or is a multiple of it, not ${size}`;
    const least = bitsWithoutOutliers(weights.bits, size, spqrOptions(recipe));
    if (targetBits !== null && targetBits < least)
      return `codes, scales and zeros of a [${rows}, ${cols}] matrix take ${least.toFixed(3)} bits a weight, more than target_bits ${targetBits}`;
    return null;
  },

  tensors(plan) {
    const { rows, cols, scheme } = plan;
    const { scaleBits, zeroBits } = spqrOptions(scheme.recipe);
    return spqrTensors(rows, cols, {
      bits: bitsOf(scheme.weights.bits),
      groups: groupCount(cols, groupSizeOf(scheme.weights.groupSize, cols)),
      levelBits: scaleBits + zeroBits,
      ordered: scheme.weights.descAct,
      outliers: expectedOutliers(plan),
    });
  },

  settings({ scheme }) {
    const { scaleBits, zeroBits } = spqrOptions(scheme.recipe);
    return { scale_bits: scaleBits, zero_bits: zeroBits, stat_group: statGroup };
  },

  async read(mapped, place, settings) {
    const { rows, cols } = place;
    const setting = (name: string, most: number): number => settingOf(mapped, place, settings, name, most);
    const bits = bitsOf(setting('bits', 4));
    const [scaleBits, zeroBits] = [setting('scale_bits', 8), setting('zero_bits', 8)];
    if (setting('stat_group', 1024) !== statGroup) throw damaged(mapped, place, `stat_group ${settings['stat_group']} cannot be read; ${statGroup} can`);
    const stated = settings['group_size'];
    const groupSize = stated === -1 ? cols : Math.min(setting('group_size', Number.MAX_SAFE_INTEGER), cols);
    const groups = groupCount(cols, groupSize);
    const name = (part: string): string => `${place.module}.${part}`;
    const columns = mapped.checkpoint.info(name(suffix.outlierColumns));
    const count = columns.shape[0] ?? fail(columns, 'has no dimension');
    const gIdx = readGroupIndex(mapped, name(suffix.gIdx), cols, groups, groupSize);
    const tensors = spqrTensors(rows, cols, { bits, groups, levelBits: scaleBits + zeroBits, ordered: false, outliers: count });
    for (const { suffix: part, dtype, shape } of tensors) expectTensor(mapped, name(part), [dtype], shape);
    return {
      codec: 'spqr',
      rows,
      cols,
      bits,
      groupSize,
      scaleBits,
      zeroBits,
      codes: mapped.bytes(name(suffix.weightPacked)),
      second: mapped.bytes(name(suffix.statScales)),
      levels: mapped.bytes(name(suffix.statLevels)),
      ...(gIdx === undefined ? {} : { gIdx }),
      outliers: {
        count,
        counts: mapped.bytes(name(suffix.outlierCounts)),
        columns: mapped.bytes(name(suffix.outlierColumns)),
        values: mapped.bytes(name(suffix.outlierValues)),
      },
    };
  },

  codec: () => 'spqr',
};

export interface SpqrForm {
  readonly bits: 2 | 3 | 4;
  readonly groups: number;
  /** Of a scale and a zero together. */
  readonly levelBits: number;
  /** With g_idx. */
  readonly ordered: boolean;
  readonly outliers: number;
}

/** In file order. */
export function spqrTensors(rows: number, cols: number, { bits, groups, levelBits, ordered, outliers }: SpqrForm): readonly StoredTensor[] {
  const tiles = Math.ceil(rows / statGroup);
  return [
    { suffix: suffix.weightPacked, dtype: 'I32', shape: [rows, packedWords(cols, bits)] },
    { suffix: suffix.statScales, dtype: 'F16', shape: [tiles, groups, 4] },
    { suffix: suffix.statLevels, dtype: 'U16', shape: [tiles, groups, levelBits] },
    ...(ordered ? [{ suffix: suffix.gIdx, dtype: 'I32' as const, shape: [cols] }] : []),
    { suffix: suffix.outlierCounts, dtype: 'U16', shape: [rows] },
    { suffix: suffix.outlierColumns, dtype: cols <= 65536 ? 'U16' : 'I32', shape: [outliers], late: true },
    { suffix: suffix.outlierValues, dtype: 'F16', shape: [outliers], late: true },
  ];
}

/** What the target leaves for outliers; of a threshold nobody knows, the paper's one in a hundred. */
function expectedOutliers({ rows, cols, scheme: { weights, recipe } }: ModulePlan): number {
  const options = spqrOptions(recipe);
  if (options.targetBits === null) return Math.ceil(rows * cols * 0.01);
  const left = options.targetBits - bitsWithoutOutliers(weights.bits, groupSizeOf(weights.groupSize, cols), options);
  return Math.max(0, Math.floor((rows * cols * left) / outlierBits));
}

function groupSizeOf(groupSize: number, cols: number): number {
  return groupSize === -1 ? cols : Math.min(groupSize, cols);
}

function bitsOf(bits: number): 2 | 3 | 4 {
  if (bits === 2 || bits === 3 || bits === 4) return bits;
  throw new EngineError('checkpoint', `spqr weights of ${bits} bits cannot be read; 2, 3 and 4 can`);
}

function settingOf(mapped: MappedCheckpoint, place: LinearPlace, settings: JsonObject, name: string, most: number): number {
  const value = isJsonObject(settings) ? settings[name] : undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw damaged(mapped, place, `${name} is ${JSON.stringify(value) ?? 'missing'}; it must be an integer from 1 to ${most}`);
}

function damaged(mapped: MappedCheckpoint, { module }: LinearPlace, what: string): EngineError {
  const file = mapped.checkpoint.path;
  return new EngineError('checkpoint', `${file}: quantization_config of ${module}: ${what}`, { file, tensor: module });
}
