// The service over the real check pipeline: what users see for a config, as tables. Findings themselves are tested beside their rules.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { llama7b, marked, target } from './testing/marked.ts';

const a100 = target('dashinfer', 'nvidia-a100');

test('a group size that does not divide K is an error at the number, with a page and the fixes in its data', async () => {
  const at = marked('{ "quant_method": "instant_quant", "weight_format": "int8", "group_size": 512 }', { model: llama7b, targets: [a100] });
  const [first] = await at.diagnostics();
  assert.ok(first !== undefined);
  assert.equal(first.code, 'QC001');
  assert.equal(at.document.getText(first.range), '512');
  assert.equal(first.source, 'quantwright');
  assert.match(first.codeDescription?.href ?? '', /docs\/diagnostics\/QC001\.md$/);
  assert.ok((first.data as { fixes: unknown[] }).fixes.length > 0);
});

for (const [name, text] of [
  ['package.json', '{ "name": "x", "version": "1.0.0" }'],
  ['config.json', '{ "model_type": "llama", "hidden_size": 64 }'],
  ['quantize_config.json', '{ "per_channel": true, "reduce_range": false, "weight_type": "QInt8" }'],
  ['x.json', '[1, 2'],
] as const) {
  test(`${name} with ${text} is none of our business`, async () => {
    const at = marked(`${text.slice(0, 1)}|${text.slice(1)}`, { name });
    assert.deepEqual(await at.diagnostics(), []);
    assert.deepEqual(await at.completions(), []);
    assert.equal(await at.hover(), '');
    assert.deepEqual(await at.actions(), []);
    assert.deepEqual(await at.service.documentSymbols(at.document), []);
    assert.deepEqual(await at.service.format(at.document, null, { tabSize: 2, insertSpaces: true }), []);
    assert.deepEqual(await at.service.explain(at.document), { format: null, verdicts: [], errors: 0, warnings: 0 });
  });
}

for (const hostile of ['{ "toString": 1 }', '{ "__proto__": { "a": 1 } }', '["constructor"]', '1e999', '"\\ud800"']) {
  test(`the value ${hostile} is told to be wrong and breaks nothing`, async () => {
    const at = marked(`{ "quant_method": "rtn", "weight_format": "int8", "symmetric": ${hostile} }`);
    assert.ok((await at.diagnostics()).some((diagnostic) => at.document.getText(diagnostic.range).length > 0 && diagnostic.severity === 1));
  });
}

test('badly damaged text is answered at once and with few findings', async () => {
  const at = marked(`{ "quant_method": "rtn", "weight_format": "int8", "x": ${'{"a":'.repeat(3000)}`);
  const begun = performance.now();
  const diagnostics = await at.diagnostics();
  await at.actions();
  assert.ok(performance.now() - begun < 10_000, 'seconds would mean that work grows with the square of the damage');
  assert.ok(diagnostics.length > 0 && diagnostics.length < 200);
});

test('the outline shows members with their values', async () => {
  const at = marked('{ "quant_method": "gptq", "weight_format": "uint4", "calibration": { "samples": 8 } }');
  const symbols = await at.service.documentSymbols(at.document);
  assert.deepEqual(
    symbols.map(({ name, detail }) => [name, detail]),
    [
      ['quant_method', '"gptq"'],
      ['weight_format', '"uint4"'],
      ['calibration', undefined],
    ],
  );
  assert.deepEqual(
    symbols[2]?.children?.map(({ name, detail }) => [name, detail]),
    [['samples', '8']],
  );
});

test('formatting changes white space only', async () => {
  const at = marked('{"quant_method":"rtn",\n"weight_format":"int8"}');
  const edits = await at.service.format(at.document, null, { tabSize: 2, insertSpaces: true });
  const { TextDocument } = await import('vscode-languageserver-textdocument');
  assert.equal(TextDocument.applyEdits(at.document, edits), '{\n  "quant_method": "rtn",\n  "weight_format": "int8"\n}');
});

test('explain counts findings and gives the verdicts of every target', async () => {
  const at = marked('{ "quant_method": "instant_quant", "weight_format": "int8", "group_size": 128 }', { targets: [a100, target('quantwright')] });
  const { format, verdicts, errors } = await at.service.explain(at.document);
  assert.equal(format, 'quantwright');
  assert.deepEqual(new Set(verdicts.map((verdict) => verdict.target.runtime)), new Set(['dashinfer', 'quantwright']));
  assert.equal(errors, 0);
});

test('targetChoices names runtimes and devices', () => {
  const { runtimes, devices } = marked('{}').service.targetChoices();
  assert.ok(runtimes.some((runtime) => runtime.id === 'dashinfer'));
  assert.ok(devices.some((device) => device.id === 'nvidia-a100'));
});

test('of ten thousand findings a thousand are shown, errors first, and the rest is counted', async () => {
  const rows = Array.from({ length: 3000 }, (_, index) => `"m${index}": { "weight_format": "int99" }`).join(', ');
  const found = await marked(`{ "quant_method": "rtn", "weight_format": "int8", "overrides": { ${rows} } }`).diagnostics();
  assert.equal(found.length, 1001);
  assert.ok(found.slice(0, 1000).every(({ severity }) => severity === 1));
  assert.match(String(found.at(-1)?.message), /more findings of this file are not shown/);
});
