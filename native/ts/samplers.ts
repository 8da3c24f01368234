// Sampling of tokens from logits (kernels/sample).

/** Filters and penalties in this order: bias, repetition, frequency and presence, mask, temperature, top-k, top-p, min-p (kernels/sample/README.md). */
export interface SamplerSpec {
  /** Width of the program's output. */
  readonly vocabulary: number;
  /** 0 (default): greedy, of equal largest logits the lowest id. */
  readonly temperature?: number | undefined;
  /** 0 (default): off. */
  readonly topK?: number | undefined;
  /** 1 (default): off. */
  readonly topP?: number | undefined;
  /** 0 (default): off. */
  readonly minP?: number | undefined;
  /** Of prompt and generated tokens; 1 (default): off. */
  readonly repetitionPenalty?: number | undefined;
  /** Times the occurrences among generated tokens; 0 (default): off. */
  readonly frequencyPenalty?: number | undefined;
  /** Once for every generated token; 0 (default): off. */
  readonly presencePenalty?: number | undefined;
  /** Random numbers are SplitMix64 at place seed + drawn; an integer, 0 by default. */
  readonly seed?: number | undefined;
  /** Added to the logits of these ids. */
  readonly biasIds?: Int32Array | undefined;
  /** [biasIds.length] */
  readonly bias?: Float32Array | undefined;
}

export interface Sampler {
  /** Tokens drawn so far: the place of the next random number. */
  drawn: number;
  /** Tokens of the prompt, for the repetition penalty. */
  observe(tokens: Int32Array): void;
  /** One token from `logits` [vocabulary], which are changed. mask [ceil(vocabulary / 32)]: bit i of word i / 32 allows token i. */
  sample(logits: Float32Array, mask?: Int32Array): number;
}
