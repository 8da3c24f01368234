import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../errors.ts';
import { renderChat } from './chat-template.ts';

const messages = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi' },
] as const;

const render = (template: string): string => renderChat({ template, messages, specialTokens: { bos_token: '<s>' }, file: 'model' });
const failure =
  (kind: string, words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof EngineError && error.kind === kind && words.test(error.message);

test('a ChatML template writes every message and opens the answer', () => {
  const template =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
  assert.equal(render(template), '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n');
});

test('special tokens and range() are there', () => {
  assert.equal(render('{{ bos_token }}{% for i in range(3) %}{{ i }}{% endfor %}'), '<s>012');
});

test("raise_exception is an error of the conversation, in the template's words", () => {
  assert.throws(() => render("{{ raise_exception('System role not supported') }}"), failure('input', /System role not supported/));
});

test('a template that does not parse is an error of the model', () => {
  assert.throws(() => render('{% for %}'), failure('checkpoint', /chat template failed/));
});

test('loops without end in sight, endless recursion, huge ranges and exploding text are stopped', () => {
  assert.throws(
    () => render('{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}'),
    failure('checkpoint', /more than 2000000 steps/),
  );
  assert.throws(() => render('{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}'), failure('checkpoint', /chat template failed/));
  assert.throws(() => render('{% for i in range(1000000000) %}{% endfor %}'), failure('checkpoint', /range\(\) of 1000000000/));
  assert.throws(
    () => render("{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(40) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}"),
    failure('checkpoint', /chat template failed/),
  );
});

test('a template sees nothing of the process', () => {
  assert.equal(
    render('{{ process is defined }}{{ require is defined }}{{ globalThis is defined }}{{ messages.constructor is defined }}'),
    'falsefalsefalsefalse',
  );
});
