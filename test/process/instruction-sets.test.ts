// What a user sees must not depend on the CPU: the same greedy answers, and the same perplexity of quantized models, on every instruction set that this
// machine has; one process each. Serial, the specification of the kernels, is what the others are compared with.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { quantizeModel } from '@quantwright/engine/pipeline/quantize';
import type { SimdLevel } from '@quantwright/native/binding';
import { loadNative } from '@quantwright/native/load';
import { projectRoot, quill, quillText } from '../support/engine-process.ts';
import type { LevelJob, LevelResult } from '../support/measure-level.ts';

const levels: readonly SimdLevel[] = ['avx2', 'avxvnni', 'avx512', 'avx512vnni', 'amx', 'neon', 'neondot'];
const types = ['a16w8', 'a8w8', 'a16w4'] as const;
const questions = readFileSync(join(projectRoot, 'models', 'texts', 'quant_qa_heldout.jsonl'), 'utf8').split('\n', 16);
/**
 * Sums are taken in another order, no more. A8W8 rounds activations after every such sum: one that lies at the edge of two codes takes the other one, and
 * the layers behind it see a whole step of difference. Its integer kernels are the same to the bit (w8a8_test.cc); over few tokens the rest does not average out.
 */
const relativeTolerance = { a16w8: 1e-4, a16w4: 1e-4, a8w8: 1e-2 } as const;

const native = await loadNative();
assert.ok(native.ok, native.ok ? '' : native.reason);
const { binding } = native;
const { available } = binding.cpuInfo();
const folder = mkdtempSync(join(tmpdir(), 'quantwright-levels-'));
after(() => rmSync(folder, { recursive: true, force: true }));

for (const type of types) {
  const configPath = join(projectRoot, 'examples', `${type}.quant.json`);
  await quantizeModel({ modelDir: quill, configPath, outDir: join(folder, type) }, { loadBinding: async () => binding });
}
const job: LevelJob = {
  modelDir: quill,
  prompts: questions.map((line) => (JSON.parse(line) as { question: string }).question),
  maxTokens: 20,
  quantized: Object.fromEntries(types.map((type) => [type, join(folder, type)])),
  text: readFileSync(quillText, 'utf8'),
  textTokens: 256,
  repeating: [
    'Repeat this JSON config: {"bits": 4, "group_size": 128, "sym": true, "layers": {"bits": 4, "group_size": 128}}',
    'one two three one two three one two',
  ],
};

/** Serial, which is slow, is not asked to guess. */
async function measure(level: SimdLevel): Promise<LevelResult> {
  const asked: LevelJob = level === 'serial' ? { ...job, repeating: [] } : job;
  const script = join(projectRoot, 'test', 'out', 'support', 'measure-level.js');
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(asked)], { env: { ...process.env, QUANTWRIGHT_SIMD: level } });
  return JSON.parse(stdout) as LevelResult;
}
const serial = await measure('serial');

test('serial answers sixteen prompts', () => {
  assert.equal(serial.level, 'serial');
  assert.equal(new Set(job.prompts).size, 16);
  assert.ok(serial.answers.every((answer) => answer.length > 0));
  assert.ok(new Set(serial.answers).size > 8);
});

for (const level of levels) {
  const skip = available.includes(level) ? false : `this CPU lacks ${level}`;
  test(`${level} gives the answers and the perplexities of serial, and guesses change no answer of a quantized model`, { skip }, async (t) => {
    const result = await measure(level);
    assert.equal(result.level, level);
    assert.deepEqual(result.answers, serial.answers);
    for (const type of types) {
      const [got, wanted] = [result.perplexity[type] ?? Number.NaN, serial.perplexity[type] ?? Number.NaN];
      const relative = Math.abs(got / wanted - 1);
      t.diagnostic(`${type}: perplexity ${got.toFixed(6)}, serial ${wanted.toFixed(6)}, relative ${relative.toExponential(1)}`);
      assert.ok(relative < relativeTolerance[type], `${type}: perplexity ${got}, serial ${wanted}`);
      const { plain = [], guessed = [], accepted = 0 } = result.guessing[type] ?? {};
      t.diagnostic(`${type}: ${accepted} guesses were right`);
      assert.ok(accepted > 0);
      assert.deepEqual(
        guessed,
        plain.flatMap((answer) => [answer, answer]),
      );
    }
  });
}
