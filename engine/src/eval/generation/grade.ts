// Whether a generated answer is right. lm-evaluation-harness's definitions: lm_eval/tasks/gsm8k/gsm8k.yaml (filters strict-match and flexible-extract,
// regexes_to_ignore), lm_eval/filters/extraction.py :: RegexFilter, lm_eval/api/metrics.py :: exact_match_hf_evaluate.
import type { GenerationMetric } from './item.ts';

/** What stands in for an answer in which no number is found. */
const notFound = '[invalid]';

/** gsm8k: numbers behind "####" (strict) or the last number (flexible), compared without commas and dollars. */
export type Grading = 'gsm8k' | 'text';

/** `grading`: text compares without white space around the two. */
export function isRight(metric: GenerationMetric, grading: Grading, answer: string, expected: readonly string[]): boolean {
  if (metric === 'contains') return expected.some((key) => answer.includes(key));
  if (grading === 'text') return expected.some((right) => answer.trim() === right.trim());
  const found = plainNumber(metric === 'exact_match' ? strictNumber(answer) : lastNumber(answer));
  return expected.some((right) => found === plainNumber(right));
}

/** The first number behind "#### ". */
export function strictNumber(answer: string): string {
  return /#### (-?[0-9.,]+)/.exec(answer)?.[1]?.trim() ?? notFound;
}

/** The last of all numbers, with what is written in and around it: "$1,000." */
export function lastNumber(answer: string): string {
  return [...answer.matchAll(/-?[$0-9.,]{2,}|-?[0-9]+/g)].at(-1)?.[0].trim() ?? notFound;
}

/** Order matters: a full stop is dropped last, and only at the end. */
function plainNumber(text: string): string {
  return text
    .replace(/,/g, '')
    .replace(/\$/g, '')
    .replace(/.*#### /s, '')
    .replace(/\.$/, '')
    .toLowerCase();
}
