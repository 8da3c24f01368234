// What the log-likelihoods of an item say: which choice they pick by each rule, and whether it is the right one. lm-evaluation-harness's definitions
// (lm_eval/api/task.py :: ConfigurableTask.process_results, tasks/truthfulqa/utils.py :: process_results_mc2).
import type { LikelihoodItem, LikelihoodMetric } from './item.ts';
import type { Scored } from './score.ts';

export interface Outcome {
  /** The pair that the metric picks; 0 where there is nothing to pick. */
  readonly choice: number;
  /** 1 or 0; mc2: the share of the true answers; perplexity: the log-likelihood in nats. */
  readonly value: number;
}

export function outcomeOf(item: LikelihoodItem, { logLikelihoods, greedy }: Scored, metric: LikelihoodMetric): Outcome {
  const picked = (scores: readonly number[]): Outcome => {
    const choice = largest(scores);
    return { choice, value: choice === item.gold ? 1 : 0 };
  };
  switch (metric) {
    case 'acc':
      return item.pairs.length === 1 ? { choice: 0, value: greedy[0] === true ? 1 : 0 } : picked(logLikelihoods);
    case 'acc_norm':
      return picked(divided(logLikelihoods, item, (text) => [...text].length));
    case 'acc_bytes':
      return picked(divided(logLikelihoods, item, (text) => Buffer.byteLength(text)));
    case 'perplexity':
      return { choice: 0, value: logLikelihoods[0] ?? Number.NaN };
    case 'mc1':
      return picked(logLikelihoods.map((value, at) => (at === item.gold || item.truths?.[at] === false ? value : Number.NEGATIVE_INFINITY)));
    case 'multiple_choice_grade': {
      const choice = largest(logLikelihoods);
      return { choice, value: item.scores?.[choice] ?? 0 };
    }
    case 'mc2':
      return { choice: largest(logLikelihoods), value: shareOfTruths(item, logLikelihoods) };
  }
}

/** The first of the largest. */
function largest(scores: readonly number[]): number {
  return scores.reduce((best, score, at) => (score > (scores[best] ?? Number.NEGATIVE_INFINITY) ? at : best), 0);
}

/** By the length of the choice, without the space before it. */
function divided(logLikelihoods: readonly number[], { pairs }: LikelihoodItem, length: (text: string) => number): readonly number[] {
  return logLikelihoods.map((value, at) => value / length(pairs[at]?.continuation ?? ''));
}

function shareOfTruths({ truths }: LikelihoodItem, logLikelihoods: readonly number[]): number {
  const top = Math.max(...logLikelihoods);
  let all = 0;
  let truthful = 0;
  for (const [at, value] of logLikelihoods.entries()) {
    const probability = Math.exp(value - top);
    all += probability;
    if (truths?.[at] === true) truthful += probability;
  }
  return truthful / all;
}
