// The layouts of a line of a task file, told by their keys: what lm-evaluation-harness makes of each (eval definitions, docs/tasks.md), as one item.
// A layout never guesses: a line that lacks a key or has one of another type is refused in words.
import type { LikelihoodItem, LikelihoodMetric, Pair } from './item.ts';
import { integerIn, scoresIn, text, texts } from './line-values.ts';

export type Line = Readonly<Record<string, unknown>>;

export interface Layout {
  readonly name: string;
  /** All of them are there in a line of this layout. */
  readonly keys: readonly string[];
  readonly metrics: readonly LikelihoodMetric[];
  readonly greedy: boolean;
  /** `task`: name of the task, which decides what is put behind a question. Throws LineError. */
  item(line: Line, task: string, index: number): LikelihoodItem;
}

/** Tasks whose questions the harness ends with "Answer:" on a line of its own. The files of the others have all of it. */
const answered: ReadonlySet<string> = new Set(['piqa', 'arc_easy', 'arc_challenge', 'boolq']);

const byLikelihood: readonly LikelihoodMetric[] = ['acc', 'acc_norm', 'acc_bytes'];
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The first whose keys a line has. */
export const layouts: readonly Layout[] = [
  {
    name: 'partial evaluation (WinoGrande, WSC)',
    keys: ['context_options', 'continuation', 'gold'],
    // Both continuations are the same text: lengths have nothing to say.
    metrics: ['acc'],
    greedy: false,
    item: (line, _task, index) => {
      const continuation = text(line, 'continuation');
      const contexts = texts(line, 'context_options', 2);
      const pairs = contexts.map((context): Pair => ({ context, continuation }));
      return plain(index, pairs, integerIn(line, 'gold', pairs.length));
    },
  },
  {
    name: 'lettered questions by subject (MMLU)',
    keys: ['subject', 'question', 'choices', 'answer'],
    metrics: byLikelihood,
    greedy: false,
    item: (line, _task, index) => {
      const subject = text(line, 'subject').replaceAll('_', ' ');
      const choices = texts(line, 'choices', 2, letters.length);
      const lettered = choices.map((choice, at) => `${letters[at]}. ${choice}`);
      const context = [text(line, 'question').trim(), ...lettered, 'Answer:'].join('\n');
      const pairs = choices.map((_, at): Pair => ({ context, continuation: letters[at] ?? '' }));
      return {
        ...plain(index, pairs, integerIn(line, 'answer', pairs.length)),
        preamble: `The following are multiple choice questions (with answers) about ${subject}.\n\n`,
        group: subject,
      };
    },
  },
  {
    name: 'choices (PIQA, ARC, BoolQ, OpenBookQA, SIQA, CommonsenseQA, COPA)',
    keys: ['query', 'choices', 'gold'],
    metrics: byLikelihood,
    greedy: false,
    item: (line, task, index) => {
      const query = text(line, 'query');
      const context = answered.has(task) ? `${query.replace(/\n$/, '')}\nAnswer:` : query;
      const pairs = texts(line, 'choices', 2).map((continuation): Pair => ({ context, continuation }));
      return plain(index, pairs, integerIn(line, 'gold', pairs.length));
    },
  },
  {
    name: 'endings (HellaSwag)',
    keys: ['ctx', 'endings', 'label'],
    metrics: ['acc_norm', 'acc', 'acc_bytes'],
    greedy: false,
    item: (line, _task, index) => {
      const context = text(line, 'ctx');
      const pairs = texts(line, 'endings', 2).map((continuation): Pair => ({ context, continuation }));
      return plain(index, pairs, integerIn(line, 'label', pairs.length));
    },
  },
  {
    name: 'questions for a chat',
    keys: ['question', 'choices', 'answer'],
    metrics: byLikelihood,
    greedy: false,
    item: (line, _task, index) => {
      const context = text(line, 'question');
      const pairs = texts(line, 'choices', 2).map((continuation): Pair => ({ context, continuation }));
      return { ...plain(index, pairs, integerIn(line, 'answer', pairs.length)), kind: 'chat' };
    },
  },
  {
    name: 'inputs and scored choices (BIG-bench)',
    keys: ['input', 'target_scores'],
    metrics: ['multiple_choice_grade'],
    greedy: false,
    item: (line, _task, index) => {
      const scores = scoresIn(line, 'target_scores');
      const context = text(line, 'input');
      const pairs = [...scores.keys()].map((continuation): Pair => ({ context, continuation }));
      const values = [...scores.values()];
      return { ...plain(index, pairs, values.indexOf(Math.max(...values))), scores: values };
    },
  },
  {
    name: 'last words (LAMBADA)',
    keys: ['context', 'continuation'],
    metrics: ['acc', 'perplexity'],
    greedy: true,
    item: (line, _task, index) => plain(index, [{ context: text(line, 'context'), continuation: text(line, 'continuation') }], 0),
  },
];

/** Tasks whose papers and leaderboards show the accuracy by characters. */
const byLength: ReadonlySet<string> = new Set(['piqa', 'arc_easy', 'arc_challenge', 'openbook_qa']);

/** The metrics of a layout as the task shows them. */
export function metricsOf(layout: Layout, task: string): readonly LikelihoodMetric[] {
  if (!byLength.has(task) || !layout.metrics.includes('acc_norm')) return layout.metrics;
  return ['acc_norm', ...layout.metrics.filter((metric) => metric !== 'acc_norm')];
}

function plain(index: number, pairs: readonly Pair[], gold: number): LikelihoodItem {
  return { index, kind: 'text', preamble: '', group: '', pairs, gold, truths: null };
}
