// The slips of a new user: each is told with what, where and what to do, with the right exit code, and nothing is left behind.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { quill, runCli } from '../support/engine-process.ts';
import { configs, createWorkspace } from '../support/engine-workspace.ts';

test('every command has help, and a wrong call points to it', async () => {
  for (const command of [['check'], ['quantize'], ['tensor'], ['eval'], ['eval', 'ppl'], ['compare'], ['chat'], ['logits'], ['inspect'], ['doctor']]) {
    const help = await runCli([...command, '--help']);
    assert.equal(help.code, 0, command.join(' '));
    assert.match(help.stdout, new RegExp(`^Usage: quantwright ${command.join(' ')} `), command.join(' '));
    const wrong = await runCli([...command, '--no-such-option']);
    assert.deepEqual([wrong.code, /--help shows what is possible/.test(wrong.stderr)], [2, true], wrong.stderr);
  }
  const range = await runCli(['chat', quill, '--prompt', 'hi', '--top-p', '0']);
  assert.deepEqual([range.code, /--top-p.*It must be a number above 0, up to 1\./.test(range.stderr)], [2, true], range.stderr);
});

test('what cannot be sampled or kept is refused in words, before a model is loaded where that is possible', async (t) => {
  const workspace = createWorkspace(t);
  const schema = workspace.write('schema.json', JSON.stringify({ type: 'object', properties: { a: { type: 'array', uniqueItems: true } } }));
  const ask = (...options: string[]): ReturnType<typeof runCli> => runCli(['chat', quill, '--prompt', 'hi', ...options]);
  for (const [options, code, words] of [
    [['--logit-bias', '5'], 2, /--logit-bias.*such as 42=-100/],
    [['--logit-bias', '5=101'], 2, /--logit-bias/],
    [['--stop', ''], 2, /--stop.*must not be empty/],
    [['--presence-penalty', 'x'], 2, /--presence-penalty/],
    [['--json-object', '--json-schema', schema], 2, /exclude each other/],
    [['--draft', quill, '--no-speculation'], 2, /exclude each other/],
    [['--logit-bias', '999999=1'], 1, /logitBias names token "999999"; the model has tokens 0 to/],
    [['--json-schema', schema], 1, /JSON schema, at \/properties\/a\/uniqueItems: the keyword "uniqueItems" cannot be kept/],
    [['--json-schema', workspace.path('none.json')], 1, /none\.json: no such file/],
  ] as const) {
    const result = await ask(...options);
    assert.deepEqual([result.code, words.test(result.stderr), result.stdout], [code, true, ''], `${options.join(' ')}: ${result.code} ${result.stderr}`);
  }
  const cut = await ask('--json-object', '--max-tokens', '3');
  assert.deepEqual([cut.code, /cut after 3 tokens, so its JSON is not whole/.test(cut.stderr)], [0, true], cut.stderr);
});

test('a path that is no model is told as what it is, by every command that takes one', async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('a.quant.json', configs.a16w8);
  const text = workspace.write('text.txt', 'Quantization stores numbers with fewer bits.');
  mkdirSync(workspace.path('empty'));
  const slips: readonly (readonly [string, RegExp])[] = [
    ['meta-llama/Llama-2-7b', /meta-llama\/Llama-2-7b: no such directory; models are read from the disk, never downloaded/],
    [config, /a\.quant\.json is a file; give its directory/],
    [workspace.path('empty'), /empty has no config\.json; a model directory holds config\.json and safetensors weights/],
  ];
  for (const [path, words] of slips) {
    const commands = [
      ['quantize', path, '--config', config, '--out', workspace.path('out')],
      ['eval', 'ppl', path, '--text', text],
      ['compare', quill, path, '--text', text],
      ['chat', path, '--prompt', 'hi'],
      ['check', config, '--model', path],
    ];
    for (const args of commands) {
      const { code, stderr } = await runCli(args);
      assert.match(stderr, words, args.join(' '));
      assert.equal(code, args[0] === 'check' ? 2 : 1, args.join(' '));
      assert.equal(stderr.trim().split('\n').length, 1, `one line, no stack: ${stderr}`);
    }
  }
  assert.deepEqual(readdirSync(workspace.root).sort(), ['a.quant.json', 'empty', 'text.txt']);
});

test('a model that cannot be used is told with its file and the reason', async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('a.quant.json', configs.a16w8);
  const model = workspace.copyModel('model');
  const fails = async (words: RegExp): Promise<void> => {
    for (const args of [
      ['quantize', model, '--config', config, '--out', workspace.path('out')],
      ['chat', model, '--prompt', 'hi'],
    ]) {
      const { code, stderr } = await runCli(args);
      assert.match(stderr, words, args.join(' '));
      assert.equal(code, 1);
    }
  };
  writeFileSync(join(model, 'config.json'), '{ "architectures": ["Llama');
  await fails(/model[/\\]config\.json: not valid JSON: /);
  const check = await runCli(['check', config, '--model', model]);
  assert.deepEqual([check.code, /note: .*config\.json: not valid JSON: .*not checked against the model/.test(check.stderr)], [0, true], check.stderr);
  writeFileSync(join(model, 'config.json'), JSON.stringify({ architectures: ['MambaForCausalLM'], model_type: 'mamba' }));
  await fails(/config\.json: .*mamba/i);
  workspace.copyModel('pickled');
  rmSync(workspace.path('pickled/model.safetensors'));
  workspace.write('pickled/pytorch_model.bin', 'not looked into');
  const pickled = await runCli(['chat', workspace.path('pickled'), '--prompt', 'hi']);
  assert.deepEqual([pickled.code, /pytorch_model\.bin is a pickled PyTorch checkpoint.*safetensors/.test(pickled.stderr)], [1, true], pickled.stderr);
});

test('a text that cannot be measured is refused by name', async (t) => {
  const workspace = createWorkspace(t);
  const path = workspace.path('text.txt');
  const slips: readonly (readonly [Buffer, RegExp])[] = [
    [Buffer.alloc(0), /text\.txt is empty/],
    [Buffer.from('a'), /the text has 1 token; at least 2 are needed/],
    [Buffer.from('one\ntwo \xfffe', 'latin1'), /text\.txt:2: not valid UTF-8 \(byte 8\); convert it first/],
  ];
  for (const [bytes, words] of slips) {
    writeFileSync(path, bytes);
    for (const command of [
      ['eval', 'ppl', quill],
      ['compare', quill, quill],
    ]) {
      const { code, stderr } = await runCli([...command, '--text', path]);
      assert.match(stderr, words);
      assert.equal(code, 1);
    }
  }
});

test('a runtime or device that does not exist brings the one that was meant', async (t) => {
  const config = createWorkspace(t).write('a.quant.json', configs.a16w8);
  const meant = async (...args: string[]): Promise<string | undefined> => {
    const { code, stderr } = await runCli(['check', config, ...args]);
    assert.equal(code, 2);
    assert.match(stderr, /^error: no such (runtime|device): .*known: /);
    return /did you mean (\S+)\?/.exec(stderr)?.[1];
  };
  assert.equal(await meant('--runtime', 'vlm'), 'vllm');
  assert.equal(await meant('--runtime', 'quantwrihgt'), 'quantwright');
  assert.equal(await meant('--runtime', 'vllm', '--device', 'h10'), 'nvidia-h100');
  assert.equal(await meant('--runtime', 'vllm', '--device', 'nvidia-a1000'), 'nvidia-a100');
  assert.equal(await meant('--runtime', 'excel'), undefined);
});

test('a calibration text that nothing uses is said, and must exist', async (t) => {
  const workspace = createWorkspace(t);
  const args = ['quantize', quill, '--config', workspace.write('a.quant.json', configs.a16w8), '--out', workspace.path('out'), '--calibration'];
  const missing = await runCli([...args, workspace.path('none.txt')]);
  assert.deepEqual([missing.code, /none\.txt: no such file/.test(missing.stderr)], [1, true], missing.stderr);
  const unused = await runCli([...args, workspace.write('calibration.txt', 'some text')]);
  assert.deepEqual([unused.code, /warning: instant_quant needs no calibration; .*was not used/.test(unused.stderr)], [0, true], unused.stderr);
});

test('without the native addon configs and paths are still judged first', async (t) => {
  const workspace = createWorkspace(t);
  const bad = workspace.write('bad.quant.json', { ...configs.a8w8, save_format: 'awq' });
  const good = workspace.write('good.quant.json', configs.a16w8);
  const env = { QUANTWRIGHT_NATIVE: workspace.path('no.node') };
  const kindOf = async (args: readonly string[]): Promise<string> => JSON.parse((await runCli([...args, '--json'], { env })).stdout).kind;
  assert.equal(await kindOf(['quantize', quill, '--config', bad, '--out', workspace.path('out')]), 'config');
  assert.equal(await kindOf(['quantize', quill, '--config', good, '--out', workspace.path('out')]), 'native');
  assert.equal(await kindOf(['eval', 'ppl', workspace.path('none'), '--text', bad]), 'input');
  assert.equal(await kindOf(['eval', 'ppl', quill, '--text', bad]), 'native');
  const tensor = await runCli(['tensor', workspace.path('none.safetensors'), '--config', bad, '--out', workspace.path('out')], { env });
  assert.equal(JSON.parse(tensor.stdout).kind, 'config');
  assert.equal((await runCli(['check', good], { env })).code, 0);
  assert.equal((await runCli(['inspect', quill], { env })).code, 0);
  const doctor = await runCli(['doctor'], { env });
  assert.deepEqual([doctor.code, /^problem {2}The native addon .*no\.node/m.test(doctor.stdout)], [1, true], doctor.stdout);
  assert.deepEqual(readdirSync(workspace.root).sort(), ['bad.quant.json', 'good.quant.json']);
});
