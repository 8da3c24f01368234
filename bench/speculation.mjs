// Guessing ahead: tokens/s of greedy and sampled answers with and without guesses from the text, whether the tokens are the same, and what
// a step of several rows costs beside one.
//   node bench/speculation.mjs [MODEL_DIR] [--rounds 7] [--tokens 200]
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createGenerator } from '../engine/out/chat/generate.js';
import { promptLookup } from '../engine/out/chat/prompt-lookup.js';
import { draftPolicy } from '../engine/out/chat/speculation.js';
import { loadBinding } from '../engine/out/jobs/binding.js';
import { loadModel } from '../engine/out/model/load.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '7' }, tokens: { type: 'string', default: '200' } },
});
const directory = positionals[0] ?? join(dirname(fileURLToPath(import.meta.url)), '..', 'models', 'quill-16m');
const binding = await loadBinding();
const model = await loadModel(directory, { binding });
const tokenizer = await model.tokenizer();
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

const module = (n) => `  {"name": "model.layers.${n}.self_attn.q_proj", "bits": 4, "group_size": 128, "sym": true},\n`;
const texts = {
  'a JSON list goes on': `[\n${[0, 1, 2, 3].map(module).join('')}`,
  'loops in C go on': 'for (int i = 0; i < n; ++i) {\n  sum += x[i] * w[i];\n}\nfor (int j = 0; j < n; ++j) {\n  sum += x[j] * w[j];\n}\nfor (',
  prose: 'The history of the city begins with',
};
console.log('| text | temperature | without, tokens/s | guessing, tokens/s | ratio | guessed | right | same tokens |');
console.log('|---|---|---|---|---|---|---|---|');
for (const [name, text] of Object.entries(texts)) {
  const prompt = tokenizer.encode(text, { specialTokens: false });
  for (const temperature of [0, 0.7]) {
    const ways = [
      { generator: createGenerator(model, 600), rates: [] },
      { generator: createGenerator(model, 600), rates: [], policy: draftPolicy() },
    ];
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const way of ways) {
        way.ids = [];
        way.result = await way.generator.run(prompt, {
          sampling: { temperature, seed: 1 },
          maxTokens: Number(options.tokens),
          endIds: new Set(),
          drafts: way.policy && promptLookup(),
          policy: way.policy,
          onToken: (id) => {
            way.ids.push(id);
            return false;
          },
        });
        way.rates.push((way.result.tokens - 1) / way.result.decodeSeconds);
      }
    }
    const [off, on] = ways;
    const same = off.ids.join() === on.ids.join() ? 'yes' : 'NO';
    const [slow, fast] = [median(off.rates), median(on.rates)];
    console.log(
      `| ${name} | ${temperature} | ${slow.toFixed(0)} | ${fast.toFixed(0)} | ${(fast / slow).toFixed(2)}x | ${on.result.drafted} | ${on.result.accepted} | ${same} |`,
    );
  }
}

const sampler = binding.createSampler({ vocabulary: model.config.shape.vocabSize });
const session = model.createSession(600);
await model.program.run(
  session,
  Int32Array.from({ length: 256 }, (_, i) => 5 + (i % 200)),
  'none',
);
const counts = [1, 2, 4, 8];
const times = counts.map(() => []);
for (let round = 0; round < 15; round++) {
  for (const [i, rows] of counts.entries()) {
    const start = performance.now();
    await model.program.step(
      session,
      Int32Array.from({ length: rows }, (_, k) => 7 + k),
      rows - 1,
      sampler,
    );
    times[i].push(performance.now() - start);
    session.truncate(256);
  }
}
const one = median(times[0]);
console.log(`\nA step of ${counts.map((rows, i) => `${rows} rows ${median(times[i]).toFixed(2)} ms (${(median(times[i]) / one).toFixed(2)}x)`).join(', ')}.`);
