import assert from 'node:assert/strict';
import { test } from 'node:test';
import { marked } from '../../testing/marked.ts';

for (const [name, text] of [
  ['my.quant.json', '|'],
  ['my.quant.json', '{|}'],
  ['my.quant.json', '{\n  |\n}\n'],
  ['quantize_config.json', '{ | }'],
] as const) {
  test(`${name} with ${JSON.stringify(text)} begins with whole configs that have no errors`, async () => {
    const at = marked(text, { name });
    const items = (await at.completions()).filter(({ kind }) => kind === 15);
    assert.ok(items.length > 0);
    for (const { label } of items) {
      const after = await at.accepted(label);
      assert.doesNotThrow(() => JSON.parse(after), `${label}: ${after}`);
      const found = await marked(after, { name }).diagnostics();
      assert.deepEqual(
        found.filter(({ severity }) => severity === 1).map(({ message }) => message),
        [],
        label,
      );
    }
  });
}

test('inside quantization_config the formats of Hugging Face begin', async () => {
  const at = marked('{ "model_type": "llama", "quantization_config": {|} }', { name: 'config.json' });
  assert.ok((await at.completions()).length > 2);
});

test('objects that hold something, other files, and objects where no config goes stay empty', async () => {
  assert.deepEqual(await marked('{|}', { name: 'package.json' }).completions(), []);
  assert.deepEqual(await marked('{ "model_type": "llama", "rope_scaling": {|} }', { name: 'config.json' }).completions(), []);
  assert.ok((await marked('{ "quant_method": "rtn", | }').completions()).every(({ kind }) => kind !== 15));
});
