// The distribution of the next token that a row of logits means. Sums in f64.

export interface Distribution {
  /** The first token with the largest logit. */
  readonly likeliest: number;
  /** Nats. */
  logProbability(token: number): number;
}

/** logits: f32 [vocabulary]. Looked at once, when it is called. */
export function distributionOf(logits: Float32Array): Distribution {
  let likeliest = 0;
  let largest = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token] ?? 0;
    if (logit > largest) [largest, likeliest] = [logit, token];
  }
  let sum = 0;
  for (let token = 0; token < logits.length; token++) sum += Math.exp((logits[token] ?? 0) - largest);
  const logSum = largest + Math.log(sum);
  return { likeliest, logProbability: (token) => (logits[token] ?? Number.NaN) - logSum };
}
