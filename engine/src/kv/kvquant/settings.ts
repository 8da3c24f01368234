// What a KVQuant cache is calibrated for (algorithms section 14).

/** Of keys and values. A calibration has codebooks for each. */
export const kvquantBits = [2, 3, 4] as const;
export type KvquantBits = (typeof kvquantBits)[number];

/** Entries of the codebooks: found by k-means, equally spaced (the integers of the reference), or quantiles of the normal distribution. */
export type CodebookKind = 'kmeans' | 'int' | 'nf';

export interface KvquantSettings {
  /** Share of the values that is not kept apart; 1: none is. */
  readonly sparsity: number;
  /** So many first tokens of a sequence stay in f16; they do not shape the codebooks. */
  readonly firstTokens: number;
  /** Whether values weigh as much as the squared gradient of the loss by them; else all weigh the same. */
  readonly fisher: boolean;
  readonly codebook: CodebookKind;
  /** Q-Norm: what codes stand for gets the mean and deviation of what was rounded. */
  readonly qNorm: boolean;
}

/** As the seeds' runs have it. */
export const defaultSettings: KvquantSettings = { sparsity: 0.99, firstTokens: 1, fisher: true, codebook: 'kmeans', qNorm: false };
export const defaultSamples = 16;
export const defaultSequenceLength = 2048;
