import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EngineError } from '../errors.ts';
import { type GenerationDefaults, readGenerationDefaults } from './generation-defaults.ts';

function defaultsOf(t: TestContext, config: object | null): Promise<GenerationDefaults> {
  const directory = mkdtempSync(join(tmpdir(), 'quantwright-generation-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  if (config !== null) writeFileSync(join(directory, 'generation_config.json'), JSON.stringify(config));
  return readGenerationDefaults(directory);
}

test('a file that samples gives its own values, and temperature 1 when it names none', async (t) => {
  const config = { do_sample: true, temperature: 0.6, top_k: 20, top_p: 0.95, min_p: 0.05, repetition_penalty: 1.1, max_new_tokens: 300 };
  assert.deepEqual(await defaultsOf(t, config), { temperature: 0.6, topK: 20, topP: 0.95, minP: 0.05, repetitionPenalty: 1.1, maxTokens: 300 });
  assert.deepEqual(await defaultsOf(t, { do_sample: true, top_p: 0.9 }), { temperature: 1, topP: 0.9 });
});

test('without do_sample a temperature in the file does not count', async (t) => {
  assert.deepEqual(await defaultsOf(t, { temperature: 0.7, top_k: null, repetition_penalty: 1.2 }), { temperature: 0, repetitionPenalty: 1.2 });
  assert.deepEqual(await defaultsOf(t, { do_sample: false, temperature: 0.7 }), { temperature: 0 });
});

test('no file, no defaults', async (t) => {
  assert.deepEqual(await defaultsOf(t, null), {});
});

test('a value that cannot be meant is refused by file and key', async (t) => {
  for (const config of [{ temperature: '0.7' }, { top_p: 0 }, { top_k: 1.5 }, { max_new_tokens: -1 }, { repetition_penalty: 0 }]) {
    const [key = ''] = Object.keys(config);
    await assert.rejects(
      defaultsOf(t, config),
      (error) => error instanceof EngineError && error.kind === 'checkpoint' && error.message.includes(`generation_config.json: "${key}" is `),
    );
  }
});
