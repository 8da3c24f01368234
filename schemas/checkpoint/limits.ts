// Limits of the checkpoint reader. Each is checked before memory is taken for what it limits, and each says why it is where it is.

export const limits = {
  /** The format's own limit (its reference implementation refuses more); the largest published headers are a few MB. */
  headerBytes: 100_000_000,
  /** A mixture-of-experts model of 1T parameters holds about 100,000 tensors in all its shards together. */
  tensors: 1_000_000,
  /** Real names stay below 200 characters; longer ones are damage, and error messages repeat names. */
  nameLength: 1_024,
  /** Weights have 1 or 2 dimensions, convolutions up to 5. */
  dimensions: 8,
  /** model.safetensors.index.json of a 1T model is about 15 MB. */
  indexBytes: 100_000_000,
  /** The largest published models have under 1,000 shards. */
  shards: 10_000,
  /** config.json and its like: kilobytes; mixed-precision configs with one entry a module reach a few MB. */
  configBytes: 16_000_000,
} as const;
