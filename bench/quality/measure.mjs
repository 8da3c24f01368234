// What a model directory is worth: perplexity of a text, answers of a question set, tokens a second, and bytes of its weights.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createChat } from '../../engine/out/chat/chat.js';
import { measurePerplexity } from '../../engine/out/eval/perplexity.js';
import { loadModel } from '../../engine/out/model/load.js';

/** `questions`: {question, key}; accuracy is null without any, speeds are null unless `repeats` is positive. */
export async function measureModel(binding, directory, { text, window, maxTokens, questions, repeats }) {
  const model = await loadModel(directory, { binding });
  try {
    const { perplexity } = await measurePerplexity(model, text, { window, ...(maxTokens === null ? {} : { maxTokens }) });
    const accuracy = questions.length === 0 ? null : await answered(model, questions);
    const speed = repeats > 0 ? await tokensPerSecond(model, repeats) : { prefill: null, decode: null };
    return { perplexity, accuracy, ...speed, bytes: weightBytes(directory) };
  } finally {
    model.dispose();
  }
}

/** Share of the questions whose greedy answer contains the key. */
async function answered(model, questions) {
  const chat = await createChat(model, 8);
  const waiting = [...questions];
  let right = 0;
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      const { text: answer } = await chat.turn({ messages: [{ role: 'user', content: item.question }], sampling: { temperature: 0, maxTokens: 60 } });
      if (answer.includes(item.key)) right++;
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return right / questions.length;
}

/** The fastest of `repeats` runs, which other work on the machine disturbed least: prompts of 512 tokens, and 64 new ones. */
async function tokensPerSecond(model, repeats) {
  const { vocabSize } = model.config.shape;
  const tokens = (count, seed) => Int32Array.from({ length: count }, (_, index) => 300 + ((index * 7919 + seed * 104729) % (vocabSize - 400)));
  const session = model.createSession(Math.min(1024, model.contextLength));
  const best = { prefill: 0, decode: 0 };
  for (let repeat = 0; repeat < repeats; repeat++) {
    session.truncate(0);
    const prompt = Math.min(512, model.contextLength - 80);
    const began = performance.now();
    await model.program.run(session, tokens(prompt, repeat), 'last');
    best.prefill = Math.max(best.prefill, (1000 * prompt) / (performance.now() - began));
    session.truncate(0);
    await model.program.run(session, tokens(8, repeat), 'last');
    const at = performance.now();
    for (let step = 0; step < 64; step++) await model.program.run(session, tokens(1, step), 'last');
    best.decode = Math.max(best.decode, (1000 * 64) / (performance.now() - at));
  }
  return best;
}

function weightBytes(directory) {
  const files = readdirSync(directory).filter((name) => name.endsWith('.safetensors') || name.endsWith('.gguf'));
  return files.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}
