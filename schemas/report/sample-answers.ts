// Answers of all subjects to the same questions, side by side.
import type { TaskSample } from '../runs/results.ts';
import { type Html, html } from './html.ts';
import { key } from './marks.ts';
import type { Subject } from './subjects.ts';

interface Question {
  readonly task: string;
  readonly prompt: string;
  readonly expected: string;
  readonly answers: Map<Subject, TaskSample>;
}

/** Of each task. */
const questionsShown = 6;

export function sampleAnswers(subjects: readonly Subject[]): Html | null {
  const tasks = new Map<string, Map<string, Question>>();
  for (const subject of subjects) {
    for (const run of subject.runs) {
      if (run.kind !== 'tasks') continue;
      for (const { task, samples } of run.result.tasks) {
        const questions = tasks.get(task) ?? new Map<string, Question>();
        tasks.set(task, questions);
        for (const sample of samples) {
          const name = `${sample.index}\n${sample.prompt}`;
          const question = questions.get(name) ?? { task, prompt: sample.prompt, expected: sample.expected, answers: new Map() };
          question.answers.set(subject, sample);
          questions.set(name, question);
        }
      }
    }
  }
  const shown = [...tasks].filter(([, questions]) => questions.size > 0);
  if (shown.length === 0) return null;
  return html`<section id="answers" aria-labelledby="answers-title"><h2 id="answers-title">Answers side by side</h2>
${shown.map(
  ([task, questions], at) =>
    html`<details${at === 0 ? html` open` : null}><summary>${task}</summary>${[...questions.values()].slice(0, questionsShown).map(questionOf)}</details>`,
)}</section>`;
}

function questionOf({ prompt, expected, answers }: Question): Html {
  return html`<article class="question"><pre class="prompt" tabindex="0">${prompt}</pre><p>Expected: <q>${expected}</q></p>
<div class="scroll" role="region" aria-label="answers" tabindex="0"><table><thead><tr><th scope="col">model</th><th scope="col">answer</th><th scope="col">judged</th></tr></thead><tbody>
${[...answers].map(([subject, { answer, correct }]) => html`<tr><th scope="row">${key(subject.number)} ${subject.label}</th><td class="answer">${answer}</td><td>${correct ? '✓ right' : '✗ wrong'}</td></tr>`)}
</tbody></table></div></article>`;
}
