import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ResponseFormat, Sampling } from '@quantwright/schemas/rpc/engine';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { EngineError } from '../errors.ts';
import { loadBinding } from '../jobs/binding.ts';
import { loadModel } from '../model/load.ts';
import { createChat } from './chat.ts';

const model = await loadModel(fileURLToPath(new URL('../../../models/quill-16m', import.meta.url)), { binding: await loadBinding() });
const messages = [{ role: 'user', content: 'Give me a quantization config as JSON.' }] as const;
const ajv = new Ajv2020({ strict: false, validateFormats: false });

const schemas: readonly object[] = [
  {
    type: 'object',
    properties: {
      name: { type: 'string', maxLength: 12 },
      bits: { type: 'integer', minimum: 2, maximum: 8 },
      ratio: { type: 'number', minimum: 0, maximum: 1 },
      method: { enum: ['gptq', 'awq', null] },
      day: { type: 'string', format: 'date' },
      tags: { type: 'array', items: { type: 'string', pattern: '^[a-z]{1,5}$' }, maxItems: 3 },
    },
    required: ['bits', 'method', 'tags'],
    additionalProperties: false,
  },
  { type: 'array', items: { anyOf: [{ type: 'boolean' }, { type: 'integer' }, { type: 'null' }] }, minItems: 2, maxItems: 5 },
  {
    $ref: '#/$defs/node',
    $defs: {
      node: {
        type: 'object',
        properties: {
          id: { type: 'integer', minimum: 0, maximum: 99 },
          kind: { const: 'node' },
          left: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/leaf' }] },
        },
        required: ['id', 'kind', 'left'],
      },
      leaf: { type: 'object', properties: { v: { type: 'string', maxLength: 4 } }, additionalProperties: false },
    },
  },
];

test('50 sampled answers to each of several schemas are valid', async () => {
  const chat = await createChat(model);
  for (const schema of schemas) {
    const valid = ajv.compile(schema);
    const texts = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const result = await chat.turn({ messages, sampling: { temperature: 1, seed, maxTokens: 400 }, responseFormat: { type: 'json_schema', schema } });
      assert.equal(result.finishReason, 'stop', result.text);
      assert.ok(valid(JSON.parse(result.text)), result.text);
      texts.add(result.text);
    }
    assert.ok(texts.size > 15, `${texts.size} different answers`);
  }
});

test('json_object gives an object, whatever the temperature', async () => {
  const chat = await createChat(model);
  let whole = 0;
  for (const sampling of [{}, { temperature: 0.5, seed: 1 }, { temperature: 0.5, seed: 2 }, { temperature: 0.5, seed: 3 }] satisfies Sampling[]) {
    const { text, finishReason } = await chat.turn({ messages, sampling: { ...sampling, maxTokens: 300 }, responseFormat: { type: 'json_object' } });
    assert.match(text, /^ ?\{/);
    if (finishReason !== 'stop') continue;
    whole++;
    assert.equal(typeof JSON.parse(text), 'object');
  }
  assert.ok(whole > 0, 'some answer ended');
});

test('formats and schemas that cannot be kept are refused before the model runs', async () => {
  const chat = await createChat(model);
  const ask = (responseFormat: unknown): Promise<unknown> => chat.turn({ messages, responseFormat: responseFormat as ResponseFormat });
  await assert.rejects(ask({ type: 'yaml' }), (error) => error instanceof EngineError && error.kind === 'input' && /responseFormat/.test(error.message));
  await assert.rejects(ask({ type: 'json_schema', schema: { not: {} } }), /JSON schema, at \/not: /);
});

test('stop strings that cannot be meant are refused', async () => {
  const chat = await createChat(model);
  for (const stop of [[''], [5], 'END', Array.from({ length: 17 }, String)]) {
    await assert.rejects(chat.turn({ messages, sampling: { stop: stop as string[] } }), /sampling: stop is /);
  }
});

test('a bias forbids a token and a penalty wears one out', async () => {
  const chat = await createChat(model);
  const [first = 0] = (await model.tokenizer()).encode('Quantization', { specialTokens: false });
  const question = [{ role: 'user', content: 'What is quantization?' }] as const;
  const plain = await chat.turn({ messages: question, sampling: { maxTokens: 20 } });
  assert.match(plain.text, /^Quantization/);
  assert.doesNotMatch((await chat.turn({ messages: question, sampling: { maxTokens: 20, logitBias: { [first]: -100 } } })).text, /^Quantization/);
  const worn = await chat.turn({ messages: question, sampling: { maxTokens: 60, frequencyPenalty: 50 } });
  assert.notEqual(worn.text, (await chat.turn({ messages: question, sampling: { maxTokens: 60 } })).text);
});
