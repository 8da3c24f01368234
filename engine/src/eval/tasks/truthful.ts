// TruthfulQA's table as items: every true and every false answer of a question is a choice (github.com/sylinrl/TruthfulQA, TruthfulQA.csv).
import type { CsvRow } from './csv.ts';
import type { LikelihoodItem } from './item.ts';
import { LineError } from './line-values.ts';

const columns = ['Question', 'Best Answer', 'Correct Answers', 'Incorrect Answers'] as const;

/** Throws LineError for a header without the columns, and for a row without a question or answers. */
export function truthfulItem(header: readonly string[], { fields }: CsvRow, index: number): LikelihoodItem {
  const [question, best, correct, incorrect] = columns.map((name) => {
    const at = header.indexOf(name);
    if (at < 0) throw new LineError(`there is no column "${name}"; a table of TruthfulQA has ${columns.join(', ')}`);
    const value = fields[at]?.trim() ?? '';
    if (value === '') throw new LineError(`"${name}" is empty`);
    return value;
  }) as [string, string, string, string];
  const truths = answers(correct);
  const falsehoods = answers(incorrect);
  const gold = truths.indexOf(best);
  if (gold < 0) throw new LineError('"Best Answer" is none of "Correct Answers", which are parted by ";"');
  const context = `Q: ${question}\nA:`;
  const choices = [...truths, ...falsehoods];
  return {
    index,
    kind: 'text',
    preamble: '',
    group: '',
    pairs: choices.map((continuation) => ({ context, continuation })),
    gold,
    truths: choices.map((_, at) => at < truths.length),
  };
}

function answers(list: string): readonly string[] {
  return list
    .split(';')
    .map((answer) => answer.trim())
    .filter((answer) => answer !== '');
}
