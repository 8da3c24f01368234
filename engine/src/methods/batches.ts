// Batches of calibration sequences for methods that train.

/** Batches go through the sequences in their order, again and again. */
export function batchAt<Sequence>(sequences: readonly Sequence[], size: number, step: number): readonly Sequence[] {
  return Array.from({ length: size }, (_, at) => sequences[(step * size + at) % sequences.length]).flatMap((sequence) =>
    sequence === undefined ? [] : [sequence],
  );
}

/** One behind the other, in an array of their own. */
export function joinedRows(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
