// What a grammar says to a generation: which tokens may follow, as an automaton over token ids. States are numbers of the constraint that made them.

export interface TokenConstraint {
  readonly start: number;
  /** State after a token; -1 when the token is not allowed. End tokens lead nowhere: they end the generation. */
  next(state: number, id: number): number;
  /** Bits of the allowed tokens, as native `Sampler.sample` takes them; end tokens where the text may end. Must not be changed. */
  mask(state: number): Int32Array;
  /** The text is whole, and nothing could follow. */
  finished(state: number): boolean;
}
