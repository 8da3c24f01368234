// Memory of rounding without statistics (RTN, InstantQuant): a band of packed rows, the mapped pages of the rows being read, and what threads need for their
// tiles. Bands shrink with the budget, down to 32 rows. Pure.
import type { PhaseDemand, PhaseMemory } from './phase.ts';

/** Of kernels/solve/rtn/packed.h: rows of a tile, and what bands are multiples of. */
const tileRows = 32;
/** Of packed rows: a matrix of 64 Mi weights in 4 bits is one band, and its words reach the file in one piece. */
const wishedBandBytes = 32 * 2 ** 20;
/** Of source rows between two releases of their pages. */
const wishedStepBytes = 4 * 2 ** 20;
/** A step being read, the one that was asked for ahead, and pages that were mapped around them. */
const stepsMapped = 3;

export interface RoundedMatrix {
  readonly module: string;
  readonly rows: number;
  readonly cols: number;
  readonly groups: number;
  readonly elementBytes: number;
  /** Of all its tensors in the output. */
  readonly packedBytes: number;
}

export interface Bands {
  /** Both multiples of 32, unless one covers all rows. */
  readonly bandRows: number;
  readonly stepRows: number;
}

/** How a matrix is cut when its rounding may hold `budgetBytes`. `threads` of the pool. */
export function bandsOf(matrix: RoundedMatrix, budgetBytes: number, threads: number): Bands {
  const packedRow = matrix.packedBytes / matrix.rows;
  const mappedRow = stepsMapped * matrix.cols * matrix.elementBytes;
  // What is left beside 32 rows of each is shared.
  const free = Math.max(0, budgetBytes - scratchBytes(matrix, threads) - tileRows * (packedRow + mappedRow)) / 2;
  const bandRows = multiple(Math.min(wishedBandBytes, tileRows * packedRow + free) / packedRow);
  const stepRows = multiple(Math.min(stepsMapped * wishedStepBytes, tileRows * mappedRow + free) / mappedRow);
  // Steps end with their band, so longer ones would not be.
  return { bandRows, stepRows: Math.min(bandRows, stepRows) };
}

/** The matrix that needs most. */
export function roundDemand(matrices: readonly RoundedMatrix[], threads: number): PhaseDemand {
  return {
    memory: (budgetBytes) => {
      const each = matrices.map((matrix) => roundMemory(matrix, bandsOf(matrix, budgetBytes, threads), threads));
      const bytes = (memory: PhaseMemory): number => memory.parts.reduce((sum, part) => sum + part.bytes, 0);
      return each.reduce((most, memory) => (bytes(memory) > bytes(most) ? memory : most), { phase: 'round', at: '', parts: [] });
    },
    advice: [],
  };
}

function roundMemory(matrix: RoundedMatrix, { bandRows, stepRows }: Bands, threads: number): PhaseMemory {
  const band = Math.min(1, bandRows / matrix.rows) * matrix.packedBytes;
  const source = Math.min(stepsMapped * stepRows, matrix.rows) * matrix.cols * matrix.elementBytes;
  return {
    phase: 'round',
    at: matrix.module,
    parts: [
      { what: 'packed rows', bytes: Math.ceil(band) },
      { what: 'mapped rows of the source', bytes: source },
      { what: 'tiles of the threads', bytes: scratchBytes(matrix, threads) },
    ],
  };
}

/** A thread's row in f32, its codes, the words of 32 rows, their scales and zeros; and two sums for every row of the matrix. */
function scratchBytes({ rows, cols, groups }: RoundedMatrix, threads: number): number {
  return threads * (5 * cols + tileRows * (cols + 8 * groups)) + 16 * rows;
}

function multiple(rows: number): number {
  return Math.max(1, Math.floor(rows / tileRows)) * tileRows;
}
