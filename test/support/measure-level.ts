// Run as a process under one QUANTWRIGHT_SIMD: answers of MODEL_DIR to prompts and perplexity of other models, as JSON on stdout.
//   node measure-level.js JOB   with JOB = {"modelDir", "prompts", "maxTokens", "quantized": {name: dir}, "text", "textTokens"}
import { createChat } from '@quantwright/engine/chat/chat';
import { measurePerplexity } from '@quantwright/engine/eval/perplexity';
import { loadModel } from '@quantwright/engine/model/load';
import { loadNative } from '@quantwright/native/load';

export interface LevelJob {
  readonly modelDir: string;
  readonly prompts: readonly string[];
  readonly maxTokens: number;
  readonly quantized: Readonly<Record<string, string>>;
  readonly text: string;
  readonly textTokens: number;
}

export interface LevelResult {
  /** In force; the same as asked for, or the CPU lacks it. */
  readonly level: string;
  readonly answers: readonly string[];
  readonly perplexity: Readonly<Record<string, number>>;
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
for (const [name, directory] of Object.entries(job.quantized)) {
  const measured = await measurePerplexity(await loadModel(directory, { binding }), job.text, { window: 128, maxTokens: job.textTokens });
  perplexity[name] = measured.perplexity;
}
const result: LevelResult = { level: binding.cpuInfo().level, answers, perplexity };
process.stdout.write(JSON.stringify(result));
