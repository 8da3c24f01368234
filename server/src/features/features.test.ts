// Code lenses, inlay hints, links, folds, selections, conversions and starters over the real check pipeline.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { llama7b, type Marked, marked, target } from '../testing/marked.ts';

const wholeOf = ({ document }: Marked) => ({ start: document.positionAt(0), end: document.positionAt(document.getText().length) });
const hints = async (at: Marked) =>
  (await at.service.inlayHints(at.document, wholeOf(at))).map(({ label, position }) => `${at.document.offsetAt(position)} ${String(label)}`);
const labels = async (at: Marked) => (await hints(at)).map((hint) => hint.replace(/^\d+ /, ''));

const w4 = '{ "quant_method": "rtn", "weight_format": "uint4", "group_size": 128, "ignore": [".*down_proj", "lm_head", "nothing"] }';

test('bits per weight stand behind the bits, with scales and zeros', async () => {
  const at = marked('{ "quant_method": "gptq", "bits": 4, "group_size": 128, "sym": false, "desc_act": false }', { name: 'quantize_config.json' });
  assert.deepEqual(await hints(at), ['35 = 4.156 bits per weight']);
});

test('every pattern says how many modules of the model it matches', async () => {
  const said = await labels(marked(w4, { model: llama7b }));
  assert.ok(said.includes('32 modules') && said.includes('1 module') && said.includes('no module'), said.join());
  assert.ok(!(await labels(marked(w4))).some((label) => /module/.test(label)), 'nothing is guessed without a model');
});

test('tensor parallelism shows K of a shard, and only then', async () => {
  const split = marked(w4, { model: llama7b, targets: [target('vllm', 'nvidia-a100', 4)] });
  assert.ok((await labels(split)).includes('K per shard: 1024, 2752 ✗ (tp 4)'), (await labels(split)).join());
  assert.ok(!(await labels(marked(w4, { model: llama7b, targets: [target('vllm', 'nvidia-a100')] }))).some((label) => /shard/.test(label)));
});

test('only hints in view are made', async () => {
  const at = marked(w4, { model: llama7b });
  const first = at.document.positionAt(5);
  assert.deepEqual(await at.service.inlayHints(at.document, { start: at.document.positionAt(0), end: first }), []);
});

test('lenses tell where the config runs and lead to the commands', async () => {
  const at = marked('{ "bits": 4, "group_size": 128, "desc_act": false, "sym": true }', { name: 'quantize_config.json' });
  const commands = (await at.service.codeLenses(at.document)).map(({ command }) => command);
  const tells = commands.find((command) => command?.title.startsWith('Runs on'));
  assert.match(tells?.title ?? '', /vLLM.*T4 .*A100 ok/);
  assert.ok(commands.some((command) => command?.title === 'Check all targets' && command.command === 'quantwright.showMatrix'));
  assert.ok(!commands.some((command) => command?.title === 'Quantize'), 'a checkpoint is quantized already');
  const recipe = marked('{ "quant_method": "rtn", "weight_format": "int8" }');
  const quantize = (await recipe.service.codeLenses(recipe.document)).find(({ command }) => command?.title === 'Quantize');
  assert.deepEqual(quantize?.command?.arguments, [{ configPath: '/w/my.quant.json' }]);
});

test('the chosen targets stand in the lens, and a config with errors runs nowhere', async () => {
  const chosen = marked('{ "quant_method": "instant_quant", "weight_format": "int8", "group_size": 128 }', { targets: [target('dashinfer', 'nvidia-a100')] });
  const titles = (await chosen.service.codeLenses(chosen.document)).map(({ command }) => command?.title ?? '');
  assert.deepEqual(titles.slice(0, 2), ['Quantize', 'Check all targets']);
  assert.match(titles[2] ?? '', /dashinfer on nvidia-a100 ok/);
  const broken = marked('{ "quant_method": "rtn", "weight_format": "int99" }');
  assert.doesNotMatch((await broken.service.codeLenses(broken.document)).map(({ command }) => command?.title).join(), / ok/);
});

test('links lead to the hub, to files that are there, and to the web', async () => {
  const text = '{ "quant_method": "gptq", "weight_format": "uint4", "calibration": { "dataset": "allenai/c4" } }';
  const at = marked(text);
  const link = async (one: Marked) => (await one.service.documentLinks(one.document)).map(({ target: to, range }) => [one.document.getText(range), to]);
  assert.deepEqual(await link(at), [['allenai/c4', 'https://huggingface.co/datasets/allenai/c4']]);
  assert.deepEqual(await link(marked(text, { present: ['file:///w/allenai/c4'] })), [['allenai/c4', 'file:///w/allenai/c4']]);
  const model = marked('{ "_name_or_path": "meta-llama/Llama-2-7b", "quantization_config": { "quant_method": "gptq", "bits": 4 } }', { name: 'config.json' });
  assert.deepEqual(await link(model), [['meta-llama/Llama-2-7b', 'https://huggingface.co/meta-llama/Llama-2-7b']]);
});

test('objects and lists that span lines fold', async () => {
  const at = marked('{\n  "quant_method": "rtn",\n  "weight_format": "int8",\n  "calibration": {\n    "samples": 8\n  }\n}');
  assert.deepEqual(await at.service.foldingRanges(at.document), [
    { startLine: 0, endLine: 5 },
    { startLine: 3, endLine: 4 },
  ]);
});

test('a selection grows from the word to the file', async () => {
  const at = marked('{ "quant_method": "r|tn", "weight_format": "int8" }');
  const [selection] = await at.service.selectionRanges(at.document, [at.document.positionAt(20)]);
  const texts: string[] = [];
  for (let one = selection; one !== undefined; one = one.parent) texts.push(at.document.getText(one.range));
  assert.deepEqual(texts.slice(1, 4), ['rtn', '"rtn"', '"quant_method": "rtn"']);
  assert.equal(texts.at(-1), at.document.getText());
});

test('conversions create a file beside the document or change the one that is there, bound to what they were made from', async () => {
  const text = '{ "quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": false, "sym": true }';
  const at = marked(text, { name: 'quantize_config.json', edits: { versioned: true, createFiles: true } });
  const created = await at.actions('refactor');
  assert.ok(created.length > 0 && created.every(({ kind }) => kind === 'refactor.rewrite'));
  assert.ok(
    created.some(({ edit }) => edit?.documentChanges?.some((change) => 'kind' in change && change.kind === 'create' && change.uri.startsWith('file:///w/'))),
  );
  const beside = { texts: new Map([['config.json', llama7b]]), tensors: null };
  const into = await marked(text, { name: 'quantize_config.json', files: beside, edits: { versioned: true, createFiles: false } }).actions('refactor');
  const change = into.flatMap(({ edit }) => edit?.documentChanges ?? []).find((one) => 'edits' in one && one.textDocument.uri === 'file:///w/config.json');
  assert.ok(change !== undefined && 'edits' in change);
  const edit = change.edits[0];
  assert.ok(edit !== undefined && 'newText' in edit);
  const after = TextDocument.applyEdits(TextDocument.create('file:///w/config.json', 'json', 1, llama7b), [{ range: edit.range, newText: edit.newText }]);
  assert.equal(JSON.parse(after).quantization_config.bits, 4);
  assert.equal(JSON.parse(after).hidden_size, 4096);
  assert.deepEqual(await marked(text, { name: 'quantize_config.json' }).actions('source'), [], 'not among other kinds');
});

test('edits name the version they were made for, where the client takes it', async () => {
  const at = marked('{ "quant_method": "gptqq", "weight_format": "uint4" }', { edits: { versioned: true, createFiles: false } });
  const [action] = await at.actions('quickfix');
  const [change] = action?.edit?.documentChanges ?? [];
  assert.ok(change !== undefined && 'textDocument' in change);
  assert.deepEqual(change.textDocument, { uri: 'file:///w/my.quant.json', version: 1 });
});

test('sizes are estimated where the model is known, with the peak for a job that is still to run', async () => {
  const titles = async (text: string, name: string, model: string | null) => {
    const at = marked(text, { name, model });
    return (await at.service.codeLenses(at.document)).map(({ command }) => command?.title ?? '').filter((title) => title.startsWith('≈'));
  };
  const recipe = '{ "quant_method": "gptq", "weight_format": "uint4", "group_size": 128 }';
  assert.match(
    (await titles(recipe, 'my.quant.json', llama7b))[0] ?? '',
    /^≈ 3\.9 GB weights, 6\.0 GB with the KV cache of 4096 tokens, peak \d.* while quantizing$/,
  );
  assert.deepEqual(await titles(recipe, 'my.quant.json', null), []);
  assert.doesNotMatch((await titles('{ "bits": 4, "group_size": 128, "desc_act": false }', 'quantize_config.json', llama7b)).join(), /quantizing/);
});
