// Mean, standard error and 95 % interval of a metric over items. The standard error of a mean is lm-evaluation-harness's (lm_eval/api/metrics.py ::
// mean_stderr): the sample's standard deviation / sqrt(n). Intervals of shares are Wilson's (Wilson 1927), which stay within 0 and 1 and are right for few
// items and for 0 or n right ones; those of mc2 are value +- z * standard error; those of a perplexity that of the mean log-likelihood, exponentiated.
import type { Metric } from '@quantwright/schemas/runs/results';

/** 97.5 % quantile of the normal distribution. */
const z = 1.959963984540054;

/** `values`: as of Outcome, at least one. */
export function summarize(name: Metric['name'], values: readonly number[]): Metric {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = count > 1 ? values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1) : 0;
  const standardError = Math.sqrt(variance / count);
  if (name === 'perplexity') {
    const perplexity = Math.exp(-mean);
    // To first order: the derivative of exp is exp.
    return {
      name,
      value: perplexity,
      standardError: perplexity * standardError,
      low: Math.exp(-mean - z * standardError),
      high: Math.exp(-mean + z * standardError),
    };
  }
  if (values.every((value) => value === 0 || value === 1)) return { name, value: mean, standardError, ...wilson(mean, count) };
  return { name, value: mean, standardError, low: mean - z * standardError, high: mean + z * standardError };
}

/** Of a share of `count` items. */
export function wilson(share: number, count: number): { readonly low: number; readonly high: number } {
  const centre = (share + z ** 2 / (2 * count)) / (1 + z ** 2 / count);
  const half = (z / (1 + z ** 2 / count)) * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}
