// Run as a process under one QUANTWRIGHT_SIMD: answers of MODEL_DIR to prompts, perplexity of other models, and the answers of those with and without
// guesses, as JSON on stdout.
//   node measure-level.js JOB   with JOB = {"modelDir", "prompts", "maxTokens", "quantized": {name: dir}, "text", "textTokens"}
import { createChat } from '@quantwright/engine/chat/chat';
import { measurePerplexity } from '@quantwright/engine/eval/perplexity';
import { type LoadedModel, loadModel } from '@quantwright/engine/model/load';
import { loadNative } from '@quantwright/native/load';

export interface LevelJob {
  readonly modelDir: string;
  readonly prompts: readonly string[];
  readonly maxTokens: number;
  readonly quantized: Readonly<Record<string, string>>;
  readonly text: string;
  readonly textTokens: number;
  /** Prompts whose answers repeat them. */
  readonly repeating: readonly string[];
}

export interface LevelResult {
  /** In force; the same as asked for, or the CPU lacks it. */
  readonly level: string;
  readonly answers: readonly string[];
  readonly perplexity: Readonly<Record<string, number>>;
  /** Of each quantized model: answers to `repeating`, one token at a time and with guesses, of which `accepted` were right. */
  readonly guessing: Readonly<Record<string, { readonly plain: readonly string[]; readonly guessed: readonly string[]; readonly accepted: number }>>;
}

/** The model guesses for itself too: that guess is always right, so that many tokens are verified at once. */
async function guess(model: LoadedModel): Promise<LevelResult['guessing'][string]> {
  const [one, several] = [await createChat(model), await createChat(model)];
  const [plain, guessed]: [string[], string[]] = [[], []];
  let accepted = 0;
  for (const content of job.repeating) {
    for (const temperature of [0, 0.7]) {
      const turn = { messages: [{ role: 'user', content }], sampling: { temperature, seed: 3, maxTokens: 40 } } as const;
      plain.push((await one.turn({ ...turn, speculation: { type: 'off' } })).text);
      for (const speculation of [{ type: 'lookup' }, { type: 'draft', model }] as const) {
        const result = await several.turn({ ...turn, speculation });
        guessed.push(result.text);
        accepted += result.acceptedTokens;
      }
    }
  }
  return { plain, guessed, accepted };
}

const native = await loadNative();
if (!native.ok) throw new Error(native.reason);
const { binding } = native;
const job = JSON.parse(process.argv[2] ?? '{}') as LevelJob;
const chat = await createChat(await loadModel(job.modelDir, { binding }));
const answers: string[] = [];
for (const content of job.prompts) {
  const { text } = await chat.turn({ messages: [{ role: 'user', content }], sampling: { temperature: 0, maxTokens: job.maxTokens } });
  answers.push(text);
}
const perplexity: Record<string, number> = {};
const guessing: Record<string, LevelResult['guessing'][string]> = {};
for (const [name, directory] of Object.entries(job.quantized)) {
  const model = await loadModel(directory, { binding });
  const measured = await measurePerplexity(model, job.text, { window: 128, maxTokens: job.textTokens });
  perplexity[name] = measured.perplexity;
  guessing[name] = await guess(model);
}
const result: LevelResult = { level: binding.cpuInfo().level, answers, perplexity, guessing };
process.stdout.write(JSON.stringify(result));
