// Adam with a learning rate that warms up and then falls in a straight line to 0: how TEQ and its reference train
// (torch.optim.Adam; transformers optimization.py :: get_linear_schedule_with_warmup).

export interface Schedule {
  readonly learningRate: number;
  readonly steps: number;
  /** Part of the steps in which the rate rises from 0; rounded down, so that few steps have none. */
  readonly warmup: number;
}

/** Of update `step`, counted from 0: with a warm-up, the first is 0. */
export function rateAt({ learningRate, steps, warmup }: Schedule, step: number): number {
  const rising = Math.floor(warmup * steps);
  return learningRate * (step < rising ? step / rising : Math.max(0, steps - step) / Math.max(1, steps - rising));
}

export interface Adam {
  /** One update of all parameters by their gradients. */
  update(gradients: readonly Float32Array[]): void;
}

/** INC's betas; no weight decay. */
const beta1 = 0.9;
const beta2 = 0.9;
const epsilon = 1e-8;

/** Changes `parameters` in place. */
export function createAdam(parameters: readonly Float32Array[], schedule: Schedule): Adam {
  const means = parameters.map(({ length }) => new Float64Array(length));
  const squares = parameters.map(({ length }) => new Float64Array(length));
  let step = 0;
  return {
    update(gradients) {
      const rate = rateAt(schedule, step) / (1 - beta1 ** (step + 1));
      const spread = Math.sqrt(1 - beta2 ** (step + 1));
      step += 1;
      for (const [index, parameter] of parameters.entries()) {
        const gradient = gradients[index];
        const mean = means[index];
        const square = squares[index];
        if (gradient === undefined || mean === undefined || square === undefined) throw new Error(`parameter ${index} has no gradient`);
        for (const [at, slope] of gradient.entries()) {
          const m = beta1 * (mean[at] ?? 0) + (1 - beta1) * slope;
          const v = beta2 * (square[at] ?? 0) + (1 - beta2) * slope * slope;
          mean[at] = m;
          square[at] = v;
          parameter[at] = (parameter[at] ?? 0) - (rate * m) / (Math.sqrt(v) / spread + epsilon);
        }
      }
    },
  };
}
