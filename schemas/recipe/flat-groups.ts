// ZeroQuant's groups: the flattened matrix cut into equal parts with a scale each, as rows and groups of columns. For the judge and the engine.
// Source: deepspeedai/DeepSpeed deepspeed/compression/utils.py :: SymQuantizer, AsymQuantizer (input.reshape(num_groups, -1)).

export interface FlatParts {
  /** Consecutive weights of the flattened matrix in a part. */
  readonly length: number;
  /** Columns: the longest group that lies in one part in every row; the columns themselves where parts are whole rows. */
  readonly groupSize: number;
}

/** Shorter groups that are no parts of their own would take more memory for scales than for codes. */
const SHORTEST = 16;

/** Of a matrix [rows, cols] in `parts`. A string says why it cannot be cut so, and what to use. */
export function flatParts(parts: number, rows: number, cols: number): FlatParts | string {
  const matrix = `the ${rows} x ${cols} matrix`;
  const instead = `use ${rows} (a part for every row), or null`;
  if (!Number.isSafeInteger(parts) || parts < 1) return `quantize_groups ${parts} is no number of parts; ${instead}`;
  if ((rows * cols) % parts !== 0) return `quantize_groups ${parts} does not divide the ${rows * cols} weights of ${matrix}; ${instead}`;
  const length = (rows * cols) / parts;
  const groupSize = greatestDivisor(length, cols);
  if (groupSize < Math.min(SHORTEST, length, cols))
    return `quantize_groups ${parts} cuts ${matrix} into parts of ${length}, whose ends leave groups of ${groupSize} columns; ${instead}`;
  return { length, groupSize };
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
