// How far values are from those they stand for, over portions, in f64.
// Definitions: algorithms section 17 (qllm-infer, metric.py :: sqnr, mse). Ours is infinite where nothing differs; the reference also where differences add up to 0.

export interface Difference {
  /** Portions of one length. */
  add(original: Float32Array, other: Float32Array): void;
  /** 10 log10(sum a^2 / sum (a - b)^2); Infinity: equal. */
  sqnrDb(): number;
  mse(): number;
  /** Of the angle between them; 1 where nothing differs, 0 where one of them is all 0. */
  cosine(): number;
}

export function createDifference(): Difference {
  let [count, originals, others, products, errors] = [0, 0, 0, 0, 0];
  return {
    add: (original, other) => {
      if (original.length !== other.length) throw new Error(`${original.length} values cannot be compared with ${other.length}`);
      // Sums in variables of this call: a closure's are boxed anew at every write.
      let [aa, bb, ab, dd] = [0, 0, 0, 0];
      for (let i = 0; i < original.length; i++) {
        const a = original[i] ?? 0;
        const b = other[i] ?? 0;
        aa += a * a;
        bb += b * b;
        ab += a * b;
        dd += (a - b) * (a - b);
      }
      count += original.length;
      originals += aa;
      others += bb;
      products += ab;
      errors += dd;
    },
    sqnrDb: () => (errors === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(originals / errors)),
    mse: () => (count === 0 ? 0 : errors / count),
    cosine: () => {
      if (errors === 0) return 1;
      return originals === 0 || others === 0 ? 0 : Math.min(1, Math.max(-1, products / Math.sqrt(originals * others)));
    },
  };
}
